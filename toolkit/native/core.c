/* The native core of the toolkit: the hot loops of scoring.

It does what Arrow, NumPy and ONNX Runtime do without it, with the same results on every input; they
stay the reference. It is plain C11 without Python's headers, and is called through ctypes, which
releases Python's lock. Nothing here allocates but `words_new`, and nothing is written but what a
caller has handed over. The parts below are one program, compiled at once. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TOOLKIT_CORE_VERSION 4

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#if !defined(__GNUC__) || !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the core needs GCC or Clang, and a processor that stores low bytes first"
#endif

#if defined(__FAST_MATH__)
#error "the core needs each operation of numbers as it is written: leave out -ffast-math and -Ofast"
#endif

enum {
    BLOCK = 64,         /* bytes whose separators are the bits of one number */
    PIECE = 64 * BLOCK, /* bytes that are read at once */
    PADDING = 16,       /* readable bytes after a piece, without meaning */
    LONGEST_WORD = 1024,
    MOST_RANGES = 8, /* of ASCII characters that separate words */
    CHARACTERS = 0x20000, /* characters with a kind; all others are part of words */
    LONGEST_TAG = 221, /* bytes, as in toolkit/text/rule.py */
    MOST_STEPS = 256, /* slots from the first one of a hash value to the word's */
    UNKNOWN_ID = 2,
    LONGEST_ENTITY = 8, /* characters between & and ;, as in toolkit/text/splitting.py */
};

#include "separators.h"
#include "words.h"
#include "units.h"
#include "tokens.h"
#include "networks.h"
#include "json_strings.h"
#include "records.h"
