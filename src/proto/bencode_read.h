/* bencode_read.h - reading bencode that others wrote: strict, bounded, without copies or malloc.
 *
 * A text is checked whole by bencode_read(); what it returns is then walked by the other functions,
 * which cannot fail any more.
 *
 * Sources   BEP 3; protocol.md C1..C8 */
#ifndef PROTO_BENCODE_READ_H
#define PROTO_BENCODE_READ_H

#include "base/bytes.h"
#include "base/err.h"

#define BENCODE_DEPTH_MAX 64 /* lists and dictionaries inside each other */

enum bencode_kind { BENCODE_INT, BENCODE_BYTES, BENCODE_LIST, BENCODE_DICT };

/* What BEP 3 forbids and readers still understand. */
enum bencode_fault { BENCODE_UNSORTED = 1 /* keys */, BENCODE_REPEATED = 2 /* a key */ };

/* Views are borrowed from the text. */
struct bencode_value {
    enum bencode_kind kind;
    int64_t number;    /* BENCODE_INT */
    struct view bytes; /* BENCODE_BYTES: the string; BENCODE_LIST, BENCODE_DICT: what is inside */
};

/* Read the value at the start of `text`, everything inside it included.
 *   used      bytes it takes; what follows is the caller's business
 *   faults    bits of enum bencode_fault
 *   returns   ERR_BAD_VALUE for what is no bencode (an integer with leading zeros or of more than 64
 *             bits, a length beyond the text, a key that is no string, nothing at all) and for more
 *             than BENCODE_DEPTH_MAX levels
 *   cost      one pass */
enum err bencode_read(struct view text, struct bencode_value *out, size_t *used,
                      unsigned *faults) MUST_CHECK;

/* Take the next item off a list's bytes, or the next key and value off a dictionary's; false at the
 * end. `rest` starts as value.bytes.
 *   cost      what the item takes: the levels above walk it again */
bool bencode_next(struct view *rest, struct bencode_value *item);
bool bencode_next_pair(struct view *rest, struct view *key, struct bencode_value *value);

/* The value of a key, the first one if it repeats; false also where `dict` is no dictionary, or the
 * value is of another kind. */
bool bencode_find(const struct bencode_value *dict, const char *key, enum bencode_kind kind,
                  struct bencode_value *out);

#endif
