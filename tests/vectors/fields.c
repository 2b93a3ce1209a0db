/* fields.c - see vectors.h. A case that cannot be read is a mistake of ours: the run stops. */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static _Noreturn void bad_case(const char *name)
{
    fprintf(stderr, "bad field: %s\n", name);
    exit(2);
}

void vector_put(struct writer *out, const char *name, struct view value)
{
    writer_put(out, name, strlen(name));
    writer_u8(out, '=');
    writer_view(out, value);
    writer_u8(out, ';');
}

void vector_put_number(struct writer *out, const char *name, uint64_t value)
{
    uint8_t text[20];
    struct writer w = writer_of(text, sizeof text);
    writer_decimal(&w, value);
    vector_put(out, name, view_of(text, writer_used(&w)));
}

void vector_put_hex(struct writer *out, const char *name, const void *bytes, size_t len)
{
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t text[512];
    struct writer w = writer_of(text, sizeof text);
    for (size_t i = 0; i < len; i++) {
        writer_u8(&w, (uint8_t)DIGITS[((const uint8_t *)bytes)[i] >> 4]);
        writer_u8(&w, (uint8_t)DIGITS[((const uint8_t *)bytes)[i] & 15]);
    }
    if (w.overflow) bad_case(name);
    vector_put(out, name, view_of(text, writer_used(&w)));
}

static void put_text(struct writer *out, const char *name, const char *text)
{
    vector_put(out, name, view_of_text(text));
}

void vector_put_error(struct writer *out, enum err err)
{
    put_text(out, "error", err_text(err));
}

void vector_put_announce(struct writer *out, const struct announce *a)
{
    static const char *const EVENTS[] = {"none", "completed", "started", "stopped", "paused"};
    vector_put_hex(out, "info_hash", a->info_hash.bytes, INFO_HASH_BYTES);
    vector_put_hex(out, "peer_id", a->peer_id.bytes, PEER_ID_BYTES);
    vector_put_number(out, "port", a->port);
    put_text(out, "event", EVENTS[a->event]);
    if (a->numwant == NUMWANT_UNSET) put_text(out, "numwant", "unset");
    else vector_put_number(out, "numwant", (uint64_t)a->numwant);
    if (a->left == LEFT_UNKNOWN) put_text(out, "left", "unset");
    else vector_put_number(out, "left", a->left);
    vector_put_number(out, "uploaded", a->uploaded);
    vector_put_number(out, "downloaded", a->downloaded);
    uint8_t key[4];
    store_u32be(key, a->key);
    vector_put_hex(out, "key", key, sizeof key);
    vector_put_number(out, "compact", a->compact);
    vector_put_number(out, "no_peer_id", a->no_peer_id);
    vector_put(out, "passkey", a->passkey);
}

bool vector_field(struct view in, const char *name, struct view *value)
{
    size_t len = strlen(name);
    const uint8_t *at = in.ptr, *end = at + in.len;
    while (at < end) {
        const uint8_t *stop = memchr(at, ';', (size_t)(end - at));
        if (!stop) bad_case(name);
        size_t field = (size_t)(stop - at);
        if (field > len && memcmp(at, name, len) == 0 && at[len] == '=') {
            *value = view_of(at + len + 1, field - len - 1);
            return true;
        }
        at = stop + 1;
    }
    return false;
}

uint64_t vector_field_number(struct view in, const char *name)
{
    struct view value;
    uint64_t n = 0;
    if (vector_field(in, name, &value) && text_u64(value, &n) != ERR_OK) bad_case(name);
    return n;
}

static unsigned hex_digit(uint8_t c, const char *name)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10u;
    bad_case(name);
}

size_t vector_field_hex(struct view in, const char *name, uint8_t *out, size_t max)
{
    struct view value;
    if (!vector_field(in, name, &value)) return 0;
    if (value.len % 2 || value.len / 2 > max) bad_case(name);
    for (size_t i = 0; i < value.len / 2; i++)
        out[i] = (uint8_t)(hex_digit(value.ptr[2 * i], name) << 4 |
                           hex_digit(value.ptr[2 * i + 1], name));
    return value.len / 2;
}

struct swarm_numbers vector_field_swarm(struct view in)
{
    return (struct swarm_numbers){
        .complete = (uint32_t)vector_field_number(in, "complete"),
        .incomplete = (uint32_t)vector_field_number(in, "incomplete"),
        .downloaders = (uint32_t)vector_field_number(in, "downloaders"),
        .downloaded = (uint32_t)vector_field_number(in, "downloaded"),
    };
}

enum err vector_field_error(struct view in)
{
    struct view value = {0};
    vector_field(in, "error", &value);
    for (int err = 0; err < ERR_COUNT; err++)
        if (view_equal(value, view_of(err_text(err), strlen(err_text(err))))) return err;
    bad_case("error");
}
