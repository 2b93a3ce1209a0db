/* probe.c - the command: arguments, the name's addresses, one probe after the other, the exit code.
 *
 * Verdict    the worst of all addresses: a tracker whose IPv6 address is dead is what a monitor is
 *            there for. An address that this machine has no route to says nothing about the tracker
 *            and counts only when there is no other.
 * Politeness a hash is announced as a leecher that has just come, and taken back at once. */
#include "app/probe.h"

#include "app/arguments.h"
#include "app/probe_job.h"
#include "base/clock.h"
#include "base/text.h"
#include "net/sockaddr.h"

#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#define EXIT_UNREACHABLE   EXIT_LISTEN /* 3, as monitors know it */
#define PEER_PORT          6881
#define PEER_ID_HEAD       "-MU0100-"
#define NUMWANT_DEFAULT    50
#define NUMWANT_MAX        200
#define TIMEOUT_MS_DEFAULT 15000
#define TIMEOUT_MS_MIN     100
#define TIMEOUT_MS_MAX     60000

/* ---- what the doors share ---- */

void probe_fail(struct probe_result *r, enum probe_verdict verdict, const char *format, ...)
{
    if (verdict > r->verdict) r->verdict = verdict;
    if (r->error[0]) return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->error, sizeof r->error, format, args);
    va_end(args);
}

void probe_scrape_refused(struct probe_result *r, const char *text)
{
    snprintf(r->scrape_failure, sizeof r->scrape_failure, "%s", text);
    r->flaws |= FLAW_BIT(FLAW_NO_SCRAPE);
}

void probe_fail_errno(struct probe_result *r, const char *what, int why)
{
    bool no_route = why == ENETUNREACH || why == EADDRNOTAVAIL || why == EAFNOSUPPORT;
    probe_fail(r, no_route ? PROBE_NO_ROUTE : PROBE_UNREACHABLE, "%s: %s", what, strerror(why));
}

void probe_text(struct view v, char out[PROBE_TEXT_BYTES])
{
    size_t len = v.len < PROBE_TEXT_BYTES - 1 ? v.len : PROBE_TEXT_BYTES - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = v.ptr[i] >= ' ' && v.ptr[i] < 0x7f ? (char)v.ptr[i] : '?';
    out[len] = '\0';
}

struct announce probe_announce_of(const struct probe_job *job, uint32_t hash, enum event event)
{
    return (struct announce){
        .info_hash = job->hashes[hash],
        .peer_id = job->peer_id,
        .port = PEER_PORT,
        .event = event,
        .numwant = event == EVENT_STOPPED ? 0 : (int32_t)job->numwant,
        .left = 1,
        .key = job->key,
    };
}

static uint32_t most_of_a_family(const struct answer_announce *a)
{
    uint32_t count[FAMILY_COUNT] = {0};
    for (uint32_t i = 0; i < a->peer_count && i < ANSWER_PEERS_MAX; i++)
        count[a->peers[i].address.family]++;
    return count[0] > count[1] ? count[0] : count[1];
}

void probe_announced(const struct probe_job *job, struct probe_result *r, uint32_t hash)
{
    struct probe_announce *a = &r->announces[hash];
    probe_text(a->answer.failure, a->failure);
    probe_text(a->answer.warning, a->warning);
    a->accepted = !a->failure[0];
    if (a->failure[0]) probe_fail(r, PROBE_ERROR, "announce: \"%s\"", a->failure);
    if (most_of_a_family(&a->answer) > job->numwant) r->flaws |= FLAW_BIT(FLAW_TOO_MANY_PEERS);
    r->flaws |= a->answer.flaws;
}

/* ---- arguments ---- */

enum { FLAG_4, FLAG_6, FLAG_JSON, FLAG_TIMEOUT, FLAG_NUMWANT, FLAG_COUNT };

static const struct argument_flag FLAGS[FLAG_COUNT] = {
    [FLAG_4] = {.letter = '4'},
    [FLAG_6] = {.letter = '6'},
    [FLAG_JSON] = {.name = "json"},
    [FLAG_TIMEOUT] = {.name = "timeout", .letter = 't', .wants_value = true},
    [FLAG_NUMWANT] = {.name = "numwant", .letter = 'n', .wants_value = true},
};

static enum exit_code read_hashes(struct probe_job *job, const struct arguments *a)
{
    uint32_t count = a->word_count - 1;
    if (count > PROBE_HASHES_MAX)
        return command_usage("probe: %u hashes, at most %u", count, PROBE_HASHES_MAX);
    for (uint32_t i = 0; i < count; i++)
        if (info_hash_parse(a->words[1 + i], &job->hashes[i]) != ERR_OK)
            return command_usage("probe: \"%.60s\" is no info hash of 40 hexadecimal digits",
                                 a->words[1 + i]);
    job->hash_count = count ? count : 1;
    if (count == 0) randombytes_buf(job->hashes[0].bytes, INFO_HASH_BYTES);
    return EXIT_FINE;
}

static enum exit_code read_flags(struct probe_job *job, const struct arguments *a)
{
    uint64_t numwant = NUMWANT_DEFAULT, timeout_ms = TIMEOUT_MS_DEFAULT;
    const char *text = a->values[FLAG_NUMWANT];
    if (text && (text_u64(view_of_text(text), &numwant) != ERR_OK || numwant > NUMWANT_MAX))
        return command_usage("probe: --numwant %.40s: 0..%u", text, NUMWANT_MAX);
    text = a->values[FLAG_TIMEOUT];
    if (text && (text_duration_ms(view_of_text(text), &timeout_ms) != ERR_OK ||
                 timeout_ms < TIMEOUT_MS_MIN || timeout_ms > TIMEOUT_MS_MAX))
        return command_usage("probe: --timeout %.40s: 100ms..60s", text);
    job->numwant = (uint32_t)numwant;
    job->timeout_ms = (uint32_t)timeout_ms;
    return EXIT_FINE;
}

static enum exit_code read_job(struct probe_job *job, const struct command_input *in,
                               struct arguments *a)
{
    struct option_error error;
    const char *why;
    if (arguments_sort(in->arguments, FLAGS, FLAG_COUNT, a, &error) != ERR_OK)
        return command_usage("probe: %s", error.text);
    if (a->option_count) return command_usage("probe: it takes no option %.60s", a->options[0]);
    if (a->word_count == 0) return command_usage("probe: which tracker? probe URL [HASH...]");
    job->url_text = a->words[0];
    if (probe_url_parse(job->url_text, &job->url, &why) != ERR_OK)
        return command_usage("probe: %.200s: %s", job->url_text, why);
    randombytes_buf(job->peer_id.bytes, PEER_ID_BYTES);
    memcpy(job->peer_id.bytes, PEER_ID_HEAD, sizeof PEER_ID_HEAD - 1);
    job->key = randombytes_random();
    enum exit_code code = read_hashes(job, a);
    return code == EXIT_FINE ? read_flags(job, a) : code;
}

/* ---- addresses ---- */

static int family_wanted(const struct arguments *a)
{
    if (!a->values[FLAG_4] == !a->values[FLAG_6]) return AF_UNSPEC;
    return a->values[FLAG_4] ? AF_INET : AF_INET6;
}

/* How many there are; 0 when the name has none, which is said. */
static uint32_t resolve(struct probe_job *job, int family, struct probe_result *results)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list = NULL;
    uint32_t count = 0;
    uint64_t start_us = clock_now_us();
    int why = getaddrinfo(job->url.host, NULL, &hints, &list);
    job->resolve_us = (uint32_t)(clock_now_us() - start_us);
    if (why != 0) fprintf(stderr, "muster: probe: %s: %s\n", job->url.host, gai_strerror(why));
    for (struct addrinfo *i = list; i && count < PROBE_ADDRESSES_MAX; i = i->ai_next) {
        struct sockaddr_storage ss = {0};
        uint16_t unused;
        memcpy(&ss, i->ai_addr, i->ai_addrlen < sizeof ss ? i->ai_addrlen : sizeof ss);
        if (sockaddr_read(&ss, &results[count].address, &unused))
            results[count++].port = job->url.port;
    }
    if (list) freeaddrinfo(list);
    return count;
}

static enum exit_code exit_of(const struct probe_result *results, uint32_t count)
{
    bool asked = false, error = false, unreachable = false;
    for (uint32_t i = 0; i < count; i++) {
        asked |= results[i].verdict != PROBE_NO_ROUTE;
        error |= results[i].verdict == PROBE_ERROR;
        unreachable |= results[i].verdict == PROBE_UNREACHABLE;
    }
    if (!asked || unreachable) return EXIT_UNREACHABLE;
    return error ? EXIT_RUNTIME : EXIT_FINE;
}

static enum exit_code probe_all(struct probe_job *job, const struct arguments *a)
{
    struct probe_result results[PROBE_ADDRESSES_MAX] = {0};
    uint32_t count = resolve(job, family_wanted(a), results);
    struct probe_announce *announces =
        calloc((size_t)count * job->hash_count + 1, sizeof *announces);
    if (!announces) return EXIT_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        results[i].announces = announces + (size_t)i * job->hash_count;
        if (job->url.udp) probe_udp(job, &results[i]);
        else probe_http(job, &results[i]);
    }
    if (a->values[FLAG_JSON]) probe_print_json(job, results, count);
    else probe_print(job, results, count);
    free(announces);
    enum exit_code printed = command_printed();
    return printed == EXIT_FINE ? exit_of(results, count) : printed;
}

enum exit_code probe_run(const struct command_input *in)
{
    struct arguments a;
    struct probe_job *job = calloc(1, sizeof *job);
    if (!job) return EXIT_MEMORY;
    enum exit_code code = read_job(job, in, &a);
    if (code == EXIT_FINE) code = probe_all(job, &a);
    free(job);
    return code;
}
