/* Which characters separate words, found in blocks of bytes. */

typedef struct {
    uint8_t first[MOST_RANGES], last[MOST_RANGES]; /* of ASCII characters, both included */
    int32_t ranges;
    int32_t ends_at_nul; /* whether a text ends at its first NUL */
    uint8_t wide[WIDE_BYTES]; /* a bit for each character beyond ASCII, up to U+FFFF */
} rule;

/* Blocks of 64 bytes in lower case, and of each block a bit for every byte that separates words.
   Gives whether there is a byte beyond ASCII. */
typedef int scan_function(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                          uint64_t *separators);

static int scan_plain(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                      uint64_t *separators) {
    uint8_t is_separator[256] = {0};
    for (int32_t i = 0; i < r->ranges; i++)
        for (int c = r->first[i]; c <= r->last[i]; c++) is_separator[c] = 1;
    uint8_t any = 0;
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {
        uint64_t bits = 0;
        for (int i = 0; i < BLOCK; i++) {
            uint8_t c = text[i];
            any |= c;
            lower[i] = (uint8_t)(c + ((uint8_t)(c - 'A') < 26 ? 'a' - 'A' : 0));
            bits |= (uint64_t)is_separator[c] << i;
        }
        separators[b] = bits;
    }
    return any >> 7;
}

/* The same with registers of several bytes. A byte is within a range if it is at most `span` after
   its start, counted without a sign: the smaller of both is then the byte itself. */
#define SCAN_BODY(VECTOR, WIDTH, LOAD, STORE, SPLAT, ADD, SUB, MIN, EQUAL, AND, OR, BITS)             \
    VECTOR first[MOST_RANGES], span[MOST_RANGES], high = SPLAT(0);                                   \
    int32_t ranges = r->ranges;                                                                      \
    for (int32_t i = 0; i < ranges; i++) {                                                           \
        first[i] = SPLAT((char)r->first[i]);                                                         \
        span[i] = SPLAT((char)(r->last[i] - r->first[i]));                                           \
    }                                                                                                \
    const VECTOR capital = SPLAT('A'), letters = SPLAT(25), to_small = SPLAT('a' - 'A');             \
    for (int64_t b = 0; b < blocks; b++, text += BLOCK, lower += BLOCK) {                            \
        uint64_t bits = 0;                                                                           \
        for (int at = 0; at < BLOCK; at += WIDTH) {                                                  \
            VECTOR c = LOAD(text + at), is_separator = SPLAT(0);                                     \
            high = OR(high, c);                                                                      \
            VECTOR place = SUB(c, capital);                                                          \
            VECTOR is_capital = EQUAL(MIN(place, letters), place);                                   \
            STORE(lower + at, ADD(c, AND(is_capital, to_small)));                                    \
            for (int32_t i = 0; i < ranges; i++) {                                                   \
                place = SUB(c, first[i]);                                                            \
                is_separator = OR(is_separator, EQUAL(MIN(place, span[i]), place));                  \
            }                                                                                        \
            bits |= (uint64_t)BITS(is_separator) << at;                                              \
        }                                                                                            \
        separators[b] = bits;                                                                        \
    }

#if defined(__x86_64__)
#include <immintrin.h>

#define LOAD_16(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE_16(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define BITS_16(v) (uint16_t)_mm_movemask_epi8(v)
#define LOAD_32(p) _mm256_loadu_si256((const __m256i *)(p))
#define STORE_32(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define BITS_32(v) (uint32_t)_mm256_movemask_epi8(v)

static int scan_sse2(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                     uint64_t *separators) {
    SCAN_BODY(__m128i, 16, LOAD_16, STORE_16, _mm_set1_epi8, _mm_add_epi8, _mm_sub_epi8,
              _mm_min_epu8, _mm_cmpeq_epi8, _mm_and_si128, _mm_or_si128, BITS_16)
    return _mm_movemask_epi8(high) != 0;
}

__attribute__((target("avx2"))) static int scan_avx2(const rule *r, const uint8_t *text,
                                                     int64_t blocks, uint8_t *lower,
                                                     uint64_t *separators) {
    SCAN_BODY(__m256i, 32, LOAD_32, STORE_32, _mm256_set1_epi8, _mm256_add_epi8, _mm256_sub_epi8,
              _mm256_min_epu8, _mm256_cmpeq_epi8, _mm256_and_si256, _mm256_or_si256, BITS_32)
    return _mm256_movemask_epi8(high) != 0;
}

#elif defined(__aarch64__)
#include <arm_neon.h>

static inline uint16_t bits_of_neon(uint8x16_t v) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t bits = vandq_u8(v, vld1q_u8(weights));
    return (uint16_t)(vaddv_u8(vget_low_u8(bits)) | vaddv_u8(vget_high_u8(bits)) << 8);
}

static int scan_neon(const rule *r, const uint8_t *text, int64_t blocks, uint8_t *lower,
                     uint64_t *separators) {
    SCAN_BODY(uint8x16_t, 16, vld1q_u8, vst1q_u8, vdupq_n_u8, vaddq_u8, vsubq_u8, vminq_u8,
              vceqq_u8, vandq_u8, vorrq_u8, bits_of_neon)
    return vmaxvq_u8(high) > 127;
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

/* The best path that this processor has, or that of a name; NULL if it has not that. */
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
