/* bencode.c - see bencode.h. */
#include "proto/bencode.h"

void bencode_int(struct writer *w, uint64_t v)
{
    writer_u8(w, 'i');
    writer_decimal(w, v < BENCODE_INT_MAX ? v : BENCODE_INT_MAX);
    writer_u8(w, 'e');
}

void bencode_bytes(struct writer *w, struct view v)
{
    writer_decimal(w, v.len);
    writer_u8(w, ':');
    writer_view(w, v);
}
