/* What sentiment.c needs to know of texts. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes from the front are UTF-8. */
size_t sentiment_length_of_utf8(const char *text, size_t length);

/* Whether a text of so many bytes is to be cut, and scored alone. */
bool sentiment_is_long(size_t length);

/* Where the end of a long text begins: at the N-th last word (N is `words`) between separators
 * that has a letter or digit, and is not of a tag or an entity of HTML, nor after an entity; 0 of a short
 * text. Each such word is one token or more, so the model reads nothing of what is before. */
size_t sentiment_start_of_end(const char *text, size_t length, size_t words);

#endif
