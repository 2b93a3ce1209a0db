/* check.c - the command: gather, judge, print. */
#include "app/check.h"

#include "app/check_facts.h"

#include <stdlib.h>

static const char *const VERDICTS[] = {
    [FINDING_OK] = "ok",
    [FINDING_ADVICE] = "advice",
    [FINDING_PROBLEM] = "problem",
};

struct tally {
    uint32_t of[FINDING_PROBLEM + 1];
    bool has_sysctl;
};

static void print_finding(const struct check_rule *rule, const struct finding *f)
{
    printf("%-8s %-20s %s\n", VERDICTS[f->verdict], rule->name, f->text);
    if (f->command[0]) printf("%-29s %s\n", "", f->command);
}

static json_t *finding_json(const struct check_rule *rule, const struct finding *f)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "name", rule->name, "verdict", VERDICTS[f->verdict],
                          "text", f->text);
    if (f->command[0]) (void)json_object_set_new(o, "command", json_string(f->command));
    return o;
}

static void print_summary(const struct check_facts *f, const struct tally *t)
{
    printf("\n%s: %u problems, %u to improve, %u fine\n",
           f->running ? "the running muster was asked" : "no muster runs here now",
           t->of[FINDING_PROBLEM], t->of[FINDING_ADVICE], t->of[FINDING_OK]);
    if (t->has_sysctl)
        printf("sysctl lasts until a reboot; NAME = VALUE in /etc/sysctl.d/90-muster.conf stays\n");
}

static enum exit_code judge_all(const struct check_facts *facts, bool as_json)
{
    struct tally t = {0};
    json_t *list = json_array();
    for (size_t i = 0; i < CHECK_RULE_COUNT; i++) {
        struct finding f = {0};
        CHECK_RULES[i].judge(facts, &f);
        t.of[f.verdict]++;
        t.has_sysctl |= strncmp(f.command, "sysctl", 6) == 0;
        if (as_json) (void)json_array_append_new(list, finding_json(&CHECK_RULES[i], &f));
        else print_finding(&CHECK_RULES[i], &f);
    }
    if (as_json) {
        json_t *o = json_pack("{s:b, s:b, s:i, s:i, s:O}", "ok", t.of[FINDING_PROBLEM] == 0,
                              "running", facts->running, "problems", t.of[FINDING_PROBLEM],
                              "advice", t.of[FINDING_ADVICE], "findings", list);
        (void)json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        printf("\n");
        json_decref(o);
    } else {
        print_summary(facts, &t);
    }
    json_decref(list);
    return t.of[FINDING_PROBLEM] ? EXIT_RUNTIME : EXIT_FINE;
}

static enum exit_code check(struct control *c)
{
    struct check_facts *facts = calloc(1, sizeof *facts);
    struct settings *running = calloc(1, sizeof *running);
    enum exit_code code = EXIT_MEMORY;
    if (facts && running) {
        check_facts_gather(c, running, facts);
        code = judge_all(facts, c->arguments.values[0] != NULL);
        enum exit_code printed = command_printed();
        if (printed != EXIT_FINE) code = printed;
    }
    free(facts);
    free(running);
    return code;
}

enum exit_code check_run(const struct command_input *in)
{
    static const struct argument_flag FLAGS[] = {{.name = "json"}};
    static const struct control_needs NEEDS = {.flags = FLAGS, .flag_count = 1, .is_a_start = true};
    enum exit_code code;
    struct control *c = control_open(in, &NEEDS, &code);
    if (!c) return code;
    code = check(c);
    control_close(c);
    return code;
}
