/* Find the characters that separate words, in blocks of bytes. */

/* Kinds of characters. A word consists of all other characters, and of apostrophes between two
   of them. */
enum { OF_WORD = 0, SEPARATOR = 1, EMOJI = 2, APOSTROPHE = 3, KINDS = 3 };

/* Further kinds of entities: they end a sentence, always or if no word follows directly. */
enum { ENDS = 4, MAY_END = 8 };

typedef struct {
    uint8_t first[MOST_RANGES], last[MOST_RANGES]; /* ASCII that is not in words, inclusive */
    int32_t ranges;
    int32_t ends_at_nul; /* whether a text ends at its first NUL */
    int32_t has_markup;  /* whether tags, entities, apostrophes and emoji have a meaning */
    uint8_t kinds[CHARACTERS / 4]; /* two bits for each character */
} rule;

static inline int kind_of(const rule *r, uint32_t character) {
    return character < CHARACTERS ? r->kinds[character >> 2] >> 2 * (character & 3) & 3 : OF_WORD;
}

/* Bits for each block of 64 bytes: the separators and apostrophes of ASCII, the bytes that need
   a closer look (beyond ASCII, < and &), and each '. */
typedef struct {
    uint64_t separators, rare, quotes;
} block_marks;

/* Blocks in lower case, and their marks. */
typedef void scan_function(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                           block_marks *m);

static void scan_plain(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                       block_marks *m) {
    uint8_t is_separator[256] = {0}, is_rare[256] = {0};
    for (int32_t i = 0; i < r->ranges; i++)
        for (int c = r->first[i]; c <= r->last[i]; c++) is_separator[c] = 1;
    memset(is_rare + 128, 1, 128);
    is_rare['<'] = is_rare['&'] = 1;
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {
        block_marks found = {0};
        for (int i = 0; i < BLOCK; i++) {
            uint8_t c = text[i];
            lower[i] = (uint8_t)(c + ((uint8_t)(c - 'A') < 26 ? 'a' - 'A' : 0));
            found.separators |= (uint64_t)is_separator[c] << i;
            found.rare |= (uint64_t)is_rare[c] << i;
            found.quotes |= (uint64_t)(c == '\'') << i;
        }
        m[b] = found;
    }
}

/* The same with registers of several bytes. A byte is within a range if it is at most `span` after
   its start, counted without a sign: the smaller of both is then the byte itself. BITS are the
   highest ones of the bytes. */
#define SCAN_BODY(VECTOR, WIDTH, LOAD, STORE, SPLAT, ADD, SUB, MIN, EQUAL, AND, OR, BITS)             \
    VECTOR first[MOST_RANGES], span[MOST_RANGES];                                                    \
    int32_t ranges = r->ranges;                                                                      \
    for (int32_t i = 0; i < ranges; i++) {                                                           \
        first[i] = SPLAT((char)r->first[i]);                                                         \
        span[i] = SPLAT((char)(r->last[i] - r->first[i]));                                           \
    }                                                                                                \
    const VECTOR capital = SPLAT('A'), letters = SPLAT(25), to_small = SPLAT('a' - 'A');             \
    const VECTOR tag = SPLAT('<'), entity = SPLAT('&'), quote = SPLAT('\'');                         \
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {                            \
        block_marks found = {0};                                                                     \
        for (int at = 0; at < BLOCK; at += WIDTH) {                                                  \
            VECTOR c = LOAD(text + at), is_separator = SPLAT(0);                                     \
            VECTOR place = SUB(c, capital);                                                          \
            VECTOR is_capital = EQUAL(MIN(place, letters), place);                                   \
            STORE(lower + at, ADD(c, AND(is_capital, to_small)));                                    \
            for (int32_t i = 0; i < ranges; i++) {                                                   \
                place = SUB(c, first[i]);                                                            \
                is_separator = OR(is_separator, EQUAL(MIN(place, span[i]), place));                  \
            }                                                                                        \
            VECTOR is_rare = OR(c, OR(EQUAL(c, tag), EQUAL(c, entity)));                             \
            found.separators |= (uint64_t)BITS(is_separator) << at;                                  \
            found.rare |= (uint64_t)BITS(is_rare) << at;                                             \
            found.quotes |= (uint64_t)BITS(EQUAL(c, quote)) << at;                                   \
        }                                                                                            \
        m[b] = found;                                                                                \
    }

#if defined(__x86_64__)
#include <immintrin.h>

#define LOAD_16(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE_16(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define BITS_16(v) (uint16_t)_mm_movemask_epi8(v)
#define LOAD_32(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_32(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define BITS_32(v) (uint32_t)_mm256_movemask_epi8(v)

static void scan_sse2(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                      block_marks *m) {
    SCAN_BODY(__m128i, 16, LOAD_16, STORE_16, _mm_set1_epi8, _mm_add_epi8, _mm_sub_epi8,
              _mm_min_epu8, _mm_cmpeq_epi8, _mm_and_si128, _mm_or_si128, BITS_16)
}

__attribute__((target("avx2"))) static void scan_avx2(const rule *r, const uint8_t *text,
                                                      int64_t blocks, uint8_t *lower,
                                                      block_marks *m) {
    SCAN_BODY(__m256i, 32, LOAD_32, STORE_32, _mm256_set1_epi8, _mm256_add_epi8, _mm256_sub_epi8,
              _mm256_min_epu8, _mm256_cmpeq_epi8, _mm256_and_si256, _mm256_or_si256, BITS_32)
}

#elif defined(__aarch64__)
#include <arm_neon.h>

static inline uint16_t bits_of_neon(uint8x16_t v) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    v = vreinterpretq_u8_s8(vshrq_n_s8(vreinterpretq_s8_u8(v), 7)); /* the highest bit, 8 times */
    uint8x16_t bits = vandq_u8(v, vld1q_u8(weights));
    return (uint16_t)(vaddv_u8(vget_low_u8(bits)) | vaddv_u8(vget_high_u8(bits)) << 8);
}

static void scan_neon(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                      block_marks *m) {
    SCAN_BODY(uint8x16_t, 16, vld1q_u8, vst1q_u8, vdupq_n_u8, vaddq_u8, vsubq_u8, vminq_u8,
              vceqq_u8, vandq_u8, vorrq_u8, bits_of_neon)
}
#endif

typedef struct {
    const char *name;
    scan_function *scan;
} path;

static const path paths[] = {
#if defined(__x86_64__)
    {"avx2", scan_avx2},
    {"sse2", scan_sse2},
#elif defined(__aarch64__)
    {"neon", scan_neon},
#endif
    {"plain", scan_plain},
};

/* Return the best path for this processor, or the path of a name; NULL if the processor lacks
   it. */
static const path *find_path(const char *name) {
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const path *p = &paths[i];
        if (name != NULL && strcmp(name, p->name) != 0) continue;
#if defined(__x86_64__)
        if (p->scan == scan_avx2 && !__builtin_cpu_supports("avx2")) continue;
#endif
        return p;
    }
    return NULL;
}

EXPORT int32_t core_version(void) { return TOOLKIT_CORE_VERSION; }

EXPORT const char *core_path(void) { return find_path(NULL)->name; }
