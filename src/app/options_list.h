/* options_list.h - the options that hold several values: which array of the configuration keeps
 * each, and what can be done with any of them. How an item is read and printed: options_item.h. */
#ifndef APP_OPTIONS_LIST_H
#define APP_OPTIONS_LIST_H

#include "app/options.h"

struct option_item;

/* An array of struct config, and how many of it are in use. */
struct option_list {
    const struct option_item *item;
    size_t at, count_at; /* of the array, and of its uint32_t count */
    uint32_t max;
    const char *none; /* not NULL: a word that stands alone, for an empty list; none_at: its bool */
    size_t none_at;
};

extern const struct option_list OPTION_LIST_LISTEN, OPTION_LIST_TRUSTED, OPTION_LIST_EXEMPT,
    OPTION_LIST_ADMIN, OPTION_LIST_PORTS[2], OPTION_LIST_ACCESS[ACCESS_LISTS];

void option_list_clear(const struct option_list *l, struct config *c);

/* Read one more item.
 *   returns   ERR_OK; ERR_FULL: no room for more; or the item's own error. The list is unchanged
 *             unless it is ERR_OK */
enum err option_list_append(const struct option_list *l, struct config *c,
                            struct view text) MUST_CHECK;

/* How many items option_list_print() has, the word for none included. */
size_t option_list_count(const struct option_list *l, const struct config *c);
void option_list_print(const struct option_list *l, const struct config *c, size_t index, char *out,
                       size_t size);

#endif
