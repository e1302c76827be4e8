/* What sentiment.c needs to know of texts. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* How many bytes from the front are UTF-8. */
size_t length_of_utf8(const char *text, size_t length);

/* Where the end of a long text begins that has at least `words` words; 0 of a short text. A word
 * between white space has one token or more, so the model reads nothing of what is before. */
size_t start_of_end(const char *text, size_t length, size_t words);

#endif
