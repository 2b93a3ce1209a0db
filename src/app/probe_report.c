/* probe_report.c - what a probe found, for people and as JSON. Both say the same. */
#include "app/probe_job.h"

#include "base/text.h"
#include "proto/address_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define PEERS_SHOWN_MAX 5
#define COUNT_BYTES     24

static const char *const VERDICTS[] = {
    [PROBE_FINE] = "ok",
    [PROBE_ERROR] = "error",
    [PROBE_UNREACHABLE] = "unreachable",
    [PROBE_NO_ROUTE] = "no route",
};

/* ---- for people ---- */

static const char *count_text(int64_t count, char out[COUNT_BYTES])
{
    if (count == COUNT_UNKNOWN) return "?";
    snprintf(out, COUNT_BYTES, "%" PRId64, count);
    return out;
}

static void print_step(const char *name, const struct probe_step *step)
{
    if (step->done) printf("  %-10s %9.2f ms", name, step->us / 1000.0);
    else printf("  %-10s no answer", name);
    if (step->tries > 1) printf(" (sent %u times)", step->tries);
}

static void print_counts(int64_t seeders, int64_t leechers, int64_t downloaded)
{
    char s[COUNT_BYTES], l[COUNT_BYTES], d[COUNT_BYTES];
    printf(" seeders %s, leechers %s", count_text(seeders, s), count_text(leechers, l));
    if (downloaded != COUNT_UNKNOWN) printf(", downloads %s", count_text(downloaded, d));
}

static void print_peers(const struct answer_announce *a)
{
    char text[ENDPOINT_TEXT_BYTES_MAX];
    if (a->peer_count == 0) return;
    printf("  %-10s %9u   ", "peers", a->peer_count);
    uint32_t shown = a->peer_count < PEERS_SHOWN_MAX ? a->peer_count : PEERS_SHOWN_MAX;
    for (uint32_t i = 0; i < shown; i++)
        printf(" %s", endpoint_print(&a->peers[i].address, a->peers[i].port, text));
    printf("%s\n", a->peer_count > shown ? " ..." : "");
}

static void print_announce(const struct probe_announce *a)
{
    if (!a->step.tries) return;
    print_step("announce", &a->step);
    if (a->accepted) {
        char i[COUNT_BYTES];
        printf("   interval %s s,", count_text(a->answer.interval_s, i));
        print_counts(a->answer.seeders, a->answer.leechers, a->answer.downloaded);
    }
    printf("\n");
    print_peers(&a->answer);
    if (a->warning[0]) printf("  tracker says: %s\n", a->warning);
    if (!a->stop.tries) return;
    print_step("stopped", &a->stop);
    printf("\n");
}

static void print_scrape(const struct probe_job *job, const struct probe_result *r)
{
    if (!r->scrape.tries) return;
    print_step("scrape", &r->scrape);
    if (r->scrape_failure[0]) printf("  \"%s\"", r->scrape_failure);
    for (uint32_t i = 0; i < job->hash_count; i++) {
        if (!r->scraped.of[i].present) continue;
        char hash[INFO_HASH_TEXT_BYTES];
        info_hash_print(&job->hashes[i], hash);
        if (job->hash_count > 1) printf("\n    %s", hash);
        print_counts(r->scraped.of[i].seeders, r->scraped.of[i].leechers,
                     r->scraped.of[i].downloaded);
    }
    printf("\n");
}

static void print_result(const struct probe_job *job, const struct probe_result *r)
{
    char text[ENDPOINT_TEXT_BYTES_MAX];
    printf("%s: %s%s%s\n", endpoint_print(&r->address, r->port, text), VERDICTS[r->verdict],
           r->error[0] ? ", " : "", r->error);
    if (r->connect.tries) {
        print_step("connect", &r->connect);
        printf("\n");
    }
    for (uint32_t i = 0; i < job->hash_count; i++) {
        char hash[INFO_HASH_TEXT_BYTES];
        info_hash_print(&job->hashes[i], hash);
        if (job->hash_count > 1 && r->announces[i].step.tries) printf("  %s\n", hash);
        print_announce(&r->announces[i]);
    }
    print_scrape(job, r);
    for (enum answer_flaw f = 0; f < FLAW_COUNT; f++)
        if (r->flaws & FLAW_BIT(f)) printf("  warning: %s\n", answer_flaw_text(f));
}

void probe_print(const struct probe_job *job, const struct probe_result *results, uint32_t count)
{
    printf("%s, resolved in %.2f ms\n", job->url_text, job->resolve_us / 1000.0);
    for (uint32_t i = 0; i < count; i++) {
        printf("\n");
        print_result(job, &results[i]);
    }
}

/* ---- JSON ---- */

static void put(json_t *object, const char *key, json_t *take_value)
{
    (void)json_object_set_new(object, key, take_value);
}

static void put_count(json_t *object, const char *key, int64_t count)
{
    if (count != COUNT_UNKNOWN) put(object, key, json_integer(count));
}

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text[0]) put(object, key, json_string(text));
}

static json_t *step_json(const struct probe_step *step)
{
    json_t *o = json_object();
    put(o, "answered", json_boolean(step->done));
    if (step->done) put(o, "ms", json_real(step->us / 1000.0));
    put(o, "tries", json_integer(step->tries));
    return o;
}

static json_t *peers_json(const struct answer_announce *a)
{
    json_t *list = json_array();
    char text[ENDPOINT_TEXT_BYTES_MAX];
    for (uint32_t i = 0; i < a->peer_count && i < ANSWER_PEERS_MAX; i++)
        (void)json_array_append_new(
            list, json_string(endpoint_print(&a->peers[i].address, a->peers[i].port, text)));
    return list;
}

static json_t *announce_json(const struct info_hash *hash, const struct probe_announce *a)
{
    char text[INFO_HASH_TEXT_BYTES];
    json_t *o = step_json(&a->step);
    info_hash_print(hash, text);
    put(o, "info_hash", json_string(text));
    put_text(o, "failure", a->failure);
    put_text(o, "warning", a->warning);
    if (a->accepted) {
        put_count(o, "interval_s", a->answer.interval_s);
        put_count(o, "min_interval_s", a->answer.min_interval_s);
        put_count(o, "seeders", a->answer.seeders);
        put_count(o, "leechers", a->answer.leechers);
        put_count(o, "downloaded", a->answer.downloaded);
        put(o, "peer_count", json_integer(a->answer.peer_count));
        put(o, "peers", peers_json(&a->answer));
    }
    if (a->stop.tries) put(o, "stopped", step_json(&a->stop));
    return o;
}

static json_t *scrape_json(const struct probe_job *job, const struct probe_result *r)
{
    json_t *o = step_json(&r->scrape), *list = json_array();
    for (uint32_t i = 0; i < job->hash_count; i++) {
        if (!r->scraped.of[i].present) continue;
        char text[INFO_HASH_TEXT_BYTES];
        json_t *entry = json_object();
        info_hash_print(&job->hashes[i], text);
        put(entry, "info_hash", json_string(text));
        put_count(entry, "seeders", r->scraped.of[i].seeders);
        put_count(entry, "leechers", r->scraped.of[i].leechers);
        put_count(entry, "downloaded", r->scraped.of[i].downloaded);
        (void)json_array_append_new(list, entry);
    }
    put(o, "torrents", list);
    put_text(o, "failure", r->scrape_failure);
    return o;
}

static json_t *flaws_json(uint32_t flaws)
{
    json_t *list = json_array();
    for (enum answer_flaw f = 0; f < FLAW_COUNT; f++) {
        if (!(flaws & FLAW_BIT(f))) continue;
        json_t *o = json_object();
        put(o, "code", json_string(answer_flaw_code(f)));
        put(o, "text", json_string(answer_flaw_text(f)));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *result_json(const struct probe_job *job, const struct probe_result *r)
{
    char text[ADDRESS_TEXT_BYTES_MAX];
    json_t *o = json_object(), *announces = json_array();
    address_print(&r->address, text);
    put(o, "address", json_string(text));
    put(o, "port", json_integer(r->port));
    put(o, "family", json_string(r->address.family == FAMILY_V6 ? "ipv6" : "ipv4"));
    put(o, "verdict", json_string(VERDICTS[r->verdict]));
    put_text(o, "error", r->error);
    put(o, "connect", step_json(&r->connect));
    for (uint32_t i = 0; i < job->hash_count; i++)
        if (r->announces[i].step.tries)
            (void)json_array_append_new(announces,
                                        announce_json(&job->hashes[i], &r->announces[i]));
    put(o, "announces", announces);
    if (r->scrape.tries) put(o, "scrape", scrape_json(job, r));
    put(o, "flaws", flaws_json(r->flaws));
    return o;
}

void probe_print_json(const struct probe_job *job, const struct probe_result *results,
                      uint32_t count)
{
    json_t *o = json_object(), *list = json_array();
    put(o, "url", json_string(job->url_text));
    put(o, "resolve_ms", json_real(job->resolve_us / 1000.0));
    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(list, result_json(job, &results[i]));
    put(o, "addresses", list);
    (void)json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(o);
}
