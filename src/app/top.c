/* top.c - the command: the live screen on a terminal, plain blocks elsewhere. */
#include "app/top.h"

#include "app/process.h"
#include "app/top_page.h"
#include "app/top_screen.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

#define PLAIN_WIDTH  120
#define PLAIN_HEIGHT 60
#define BLOCKS_MAX   1000000000
#define REFRESH_MS   1000

/* `blocks` pages, one a second; the first that cannot be had ends it. */
static enum exit_code print_blocks(struct control *c, uint64_t blocks)
{
    struct top_page *page = calloc(1, sizeof *page);
    json_t *before = NULL, *now = NULL;
    uint64_t asked_us = 0;
    enum exit_code code = page ? EXIT_FINE : EXIT_MEMORY;
    for (uint64_t i = 0; code == EXIT_FINE && i < blocks; i++) {
        if (i) process_sleep_ms(REFRESH_MS);
        uint64_t now_us = clock_now_us();
        json_decref(before);
        before = now;
        now = control_ask(c, "/stats.json");
        if (!now || c->status != 200) {
            code = control_failed(c);
            break;
        }
        struct top_view view = {.now = now,
                                .before = before,
                                .path = c->path,
                                .elapsed_s = (double)(now_us - asked_us) / 1e6};
        asked_us = now_us;
        top_page_clear(page, PLAIN_WIDTH, PLAIN_HEIGHT);
        top_draw(page, &view);
        if (i) printf("\n");
        top_page_print(page, stdout);
        code = command_printed();
    }
    json_decref(before);
    json_decref(now);
    free(page);
    return code;
}

static enum exit_code run(struct control *c)
{
    uint64_t blocks = 1;
    const char *text = c->arguments.values[0];
    if (text && (text_u64(view_of_text(text), &blocks) != ERR_OK || !blocks || blocks > BLOCKS_MAX))
        return command_usage("top: -n %.40s: 1..%d", text, BLOCKS_MAX);
    bool is_terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    enum exit_code code;
    if (!text && is_terminal && top_screen(c, &code)) return code;
    return print_blocks(c, blocks);
}

enum exit_code top_run(const struct command_input *in)
{
    static const struct argument_flag FLAGS[] = {{.letter = 'n', .wants_value = true}};
    static const struct control_needs NEEDS = {.flags = FLAGS, .flag_count = 1};
    enum exit_code code;
    struct control *c = control_open(in, &NEEDS, &code);
    if (c) code = run(c);
    control_close(c);
    return code;
}
