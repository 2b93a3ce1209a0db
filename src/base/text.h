/* text.h - the only parser of integers, sizes, durations and fractions, and printer of the middle two.
 * Every parser takes the whole view: leftovers are an error. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/bytes.h"
#include "base/err.h"

/* ASCII digits only, 1 to 20 of them, leading zeros allowed; values above 2^64-1 saturate.
 * ERR_NOT_A_NUMBER for anything else ("+5", " 5", "0x10", "", 21 digits). */
enum err text_u64(struct view v, uint64_t *out) MUST_CHECK;

/* A size in bytes: digits with an optional unit B, K, M, G, T (powers of 1024; "KB", "KiB" too).
 * ERR_NOT_A_NUMBER, ERR_BAD_UNIT, ERR_OUT_OF_RANGE. */
enum err text_bytes(struct view v, uint64_t *out) MUST_CHECK;

/* A duration in milliseconds: digits with an optional unit ms, s, m, h, d; no unit means seconds.
 * ERR_NOT_A_NUMBER, ERR_BAD_UNIT, ERR_OUT_OF_RANGE. */
enum err text_duration_ms(struct view v, uint64_t *out) MUST_CHECK;

/* A decimal fraction: "0.5", "12", ".5", "3."; no sign, no exponent, whatever the locale says.
 * ERR_NOT_A_NUMBER. */
enum err text_fraction(struct view v, double *out) MUST_CHECK;

/* Print a size ("48M", "1000") or a duration ("90s", "2m", "1h") so that the parser above reads
 * the same value back. `out` holds TEXT_NUMBER_BYTES_MAX. */
#define TEXT_NUMBER_BYTES_MAX 32
void text_print_bytes(char *out, uint64_t bytes);
void text_print_duration(char *out, uint64_t ms);

/* Print a number in groups of three digits with `separator` between them, e.g. "," or a no-break
 * space of several bytes (at most TEXT_SEPARATOR_BYTES_MAX; "": none). Returns the columns it takes
 * on a screen, a separator being one. `out` holds TEXT_GROUPED_BYTES_MAX. */
#define TEXT_SEPARATOR_BYTES_MAX 7
#define TEXT_GROUPED_BYTES_MAX   (21 + 6 * TEXT_SEPARATOR_BYTES_MAX)
size_t text_print_grouped(char *out, uint64_t value, const char *separator);

#endif
