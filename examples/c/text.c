/* See text.h. */

#include "text.h"

#include <string.h>

/* What separates words in every version of the token rule (toolkit/text/rule.py). */
static const char SEPARATORS[] = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r";

enum { LONGEST_TAG = 220 };

/* How many bytes the character at the front has; 0 if that is not UTF-8. */
static size_t character(const unsigned char *text, size_t left)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF; /* of the second byte */
    size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

    if (length == 1)
        return 1;
    if (first < 0xC2 || first > 0xF4 || length > left)
        return 0;
    if (first == 0xE0)
        low = 0xA0; /* shorter ones exist */
    else if (first == 0xED)
        high = 0x9F; /* half of a surrogate pair: Java's "modified UTF-8" has them */
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F; /* beyond Unicode */
    for (size_t i = 1; i < length; i++, low = 0x80, high = 0xBF)
        if (text[i] < low || text[i] > high)
            return 0;
    return length;
}

size_t sentiment_length_of_utf8(const char *text, size_t length)
{
    for (size_t i = 0, step; i < length; i += step)
        if ((step = character((const unsigned char *)text + i, length - i)) == 0)
            return i;
    return length;
}

static bool is_separator(char c) { return memchr(SEPARATORS, c, sizeof SEPARATORS - 1) != NULL; }

/* Whether a byte is of a letter or a digit, in any script: the typographic separators of the token
 * rule and emoji begin with other bytes. It misses some, so words are counted too low. */
static bool is_of_word(char c)
{
    unsigned char byte = (unsigned char)c;
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')
        || (byte >= 'a' && byte <= 'z')
        || (byte >= 0xC3 && (byte < 0xE1 || byte > 0xE3) && byte < 0xEF);
}

bool sentiment_is_long(size_t length) { return length > 8000; }

size_t sentiment_start_of_end(const char *text, size_t length, size_t words)
{
    const char *nul = memchr(text, '\0', length);
    bool in_word = false;
    int of_tag = 0; /* bytes that may be of a tag of HTML */

    if (!sentiment_is_long(length))
        return 0;
    for (size_t i = nul == NULL ? length : (size_t)(nul - text); i > 0; i--) {
        char c = text[i - 1];

        if (!is_separator(c))
            in_word |= of_tag == 0 && is_of_word(c);
        else if (in_word) {
            in_word = false;
            if (c != '&' && c != '#' && c != ';' && --words == 0)
                return i;
        }
        of_tag = c == '>' ? LONGEST_TAG : c == '<' || of_tag == 0 ? 0 : of_tag - 1;
    }
    return 0;
}
