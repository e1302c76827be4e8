/* From token ids to the sums of a network over each review. */

/* The reviews of a call: the start and stop of the ids of each. A network reads the last `most`
   ids of the start id and the review's ids. */
typedef struct {
    const int32_t *ids;
    const int64_t *starts, *stops;
    int64_t rows, most;
} reviews;

enum { PADDING_ID = 0, START_ID = 1, FIRST_WORD_ID = 4, RUN = 256 };

/* Return the first id of a review that a network reads, and whether it also reads the start id. */
static inline int64_t first_read(const reviews *r, int64_t row, int *has_start) {
    int64_t first = r->stops[row] - r->most;
    *has_start = first < r->starts[row];
    return *has_start ? r->starts[row] : first;
}

/* Check whether all ids are below the vocabulary's size, so that they can be looked up. */
static int are_known(const reviews *r, int32_t vocabulary) {
    for (int64_t row = 0; row < r->rows; row++) {
        uint32_t highest = 0;
        for (int64_t at = r->starts[row]; at < r->stops[row]; at++)
            if ((uint32_t)r->ids[at] > highest) highest = (uint32_t)r->ids[at];
        if (highest >= (uint32_t)vocabulary) return 0;
    }
    return 1;
}

/* A divisor of 32-bit numbers, with the reciprocal that turns a division into a product (Lemire,
   Kaser and Kurz, Faster remainder by direct computation, 2019). */
typedef struct {
    uint32_t number;
    uint64_t reciprocal;
} divisor;

static inline divisor divisor_of(int32_t number) {
    return (divisor){(uint32_t)number, UINT64_MAX / (uint32_t)number + 1};
}

static inline uint32_t quotient(uint32_t value, divisor by) {
#if defined(__SIZEOF_INT128__)
    return by.number == 1 ? value : (uint32_t)((__uint128_t)by.reciprocal * value >> 64);
#else
    return value / by.number;
#endif
}

/* `ngram-linear`: a code for each word, and for each hash value of a pair of neighbours. */
typedef struct {
    const int8_t *words, *pairs;
    int32_t vocabulary, pairs_size;
} linear_tables;

static inline int32_t decoded(int8_t code) { return code * (code < 0 ? -code : code); }

/* Add up the codes of each review, and count its tokens and its known tokens, (rows) each.
   Returns 0, or 1 if an id is beyond the tables. */
EXPORT int32_t sum_linear(const linear_tables *t, const reviews *r, float *totals, float *tokens,
                          int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor pairs = divisor_of(t->pairs_size);
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t first = first_read(r, row, &has_start), stop = r->stops[row];
        uint32_t total = 0, before = has_start ? START_ID : PADDING_ID;
        int32_t of_words = 0, all = 0;
        for (int64_t at = first; at < stop; at++) {
            uint32_t id = (uint32_t)r->ids[at], key = before * (uint32_t)t->vocabulary + id;
            uint32_t place = key - quotient(key, pairs) * pairs.number;
            int32_t weight = decoded(t->words[id]) + decoded(t->pairs[place]);
            int counts = id > START_ID;
            total += counts ? (uint32_t)weight : 0;
            all += counts;
            of_words += id >= FIRST_WORD_ID;
            before = id;
        }
        totals[row] = (float)(int32_t)total;
        tokens[row] = (float)all;
        known[row] = of_words;
    }
    return 0;
}

/* `ngram-recurrent`: a row of small numbers for each word, and for the known pairs of
   neighbours. The first half of the columns is read forward, the second half backward. */
typedef struct {
    const int8_t *rows;   /* (rows, 4 groups, columns): keep, write, read, own */
    const int32_t *slots; /* (slots_size): rows of pairs, see toolkit/networks/tables.py */
    const float *scale;   /* (columns) */
    int32_t vocabulary, columns, slots_size;
} recurrent_tables;

enum { QUOTIENT_BITS = 12 }; /* bits of a slot that are the quotient; the row is above them */
enum { GROUPS = 4, MOST_RECURRENT_TOKENS = 4096, MOST_RECURRENT_COLUMNS = 32, LINE = 64 };
enum { FETCHED = 24 }; /* tokens whose rows are fetched ahead; more would fill the cache */

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void fetch_row(const int8_t *rows, int64_t size, uint32_t place) {
    const int8_t *row = rows + size * (int64_t)place;
    for (int64_t at = 0; at < size; at += LINE) __builtin_prefetch(row + at);
    __builtin_prefetch(row + size - 1);
}

/* Find the rows of all tokens of a review, with the start id, and fetch the rows at both ends.
   There are two passes of RUN tokens, so that the processor fetches memory for the second one
   early. */
static void find_rows(const recurrent_tables *t, divisor slots, const int32_t *ids, int64_t count,
                      int has_start, uint32_t *found) {
    uint32_t vocabulary = (uint32_t)t->vocabulary, before = has_start ? START_ID : PADDING_ID;
    uint32_t places[RUN], quotients[RUN];
    int64_t size = GROUPS * (int64_t)t->columns;
    if (has_start) *found++ = START_ID;
    for (int64_t first = 0; first < count; first += RUN, ids += RUN, found += RUN) {
        int64_t together = least(RUN, count - first);
        for (int64_t i = 0; i < together; i++) {
            uint32_t key = before * vocabulary + (uint32_t)ids[i];
            before = (uint32_t)ids[i];
            quotients[i] = quotient(key, slots);
            places[i] = key - quotients[i] * slots.number;
            __builtin_prefetch(t->slots + places[i]);
        }
        for (int64_t i = 0; i < together; i++) {
            uint32_t id = (uint32_t)ids[i], held = (uint32_t)t->slots[places[i]];
            uint32_t pair = held >> QUOTIENT_BITS; /* an empty slot has all bits set */
            uint32_t is_pair = ((held & ((1u << QUOTIENT_BITS) - 1)) == quotients[i]) &
                               (held != UINT32_MAX) & (id > START_ID);
            found[i] = id + ((0 - is_pair) & (vocabulary + pair - id));
            if (first + i < FETCHED || first + i >= count - FETCHED) fetch_row(t->rows, size, found[i]);
        }
    }
}

typedef void remember_function(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                               float *highest, float *totals);

/* Read the tokens of a review, forward and backward at once: the first half of the columns is at token
   i while the second half is at the i-th from the end. All columns are computed alike, some in each
   register. The operations are those of the graph, one by one, so their bits are, too. A number from 0
   to 4,095 is rounded by adding one beyond 2^23, where a float has no digits after the point: halves
   become even. NUMBERS gives codes as floats: from the row before or the one after, or half of each. */
#define REMEMBER_BODY(FLOATS, LANES, NUMBERS, ALL, HIGHER, LOWER)                                    \
    enum { MOST_PARTS = MOST_RECURRENT_COLUMNS / LANES };                                            \
    const FLOATS zero = ALL(0.0f), two = ALL(2.0f), from_zero = ALL(128.0f);                         \
    const FLOATS keep_unit = ALL(1.0f / 256.0f);                                                     \
    const FLOATS largest = ALL(4095.0f), no_digits = ALL(12582912.0f);                               \
    FLOATS memory[MOST_PARTS], most[MOST_PARTS], sums[MOST_PARTS], scale[MOST_PARTS];                \
    const int half = columns / 2, parts = columns / LANES, size = GROUPS * columns;                  \
    for (int chunk = 0; chunk < parts; chunk++) memory[chunk] = most[chunk] = sums[chunk] = zero;    \
    memcpy(scale, t->scale, sizeof(float) * (size_t)columns);                                        \
    for (int64_t i = 0; i < count; i++) {                                                            \
        const int8_t *forward = t->rows + (int64_t)places[i] * size;                                 \
        const int8_t *backward = t->rows + (int64_t)places[count - 1 - i] * size;                    \
        if (i + FETCHED < count) {                                                                   \
            fetch_row(t->rows, size, places[i + FETCHED]);                                           \
            fetch_row(t->rows, size, places[count - 1 - i - FETCHED]);                               \
        }                                                                                            \
        for (int chunk = 0; chunk < parts; chunk++, forward += LANES, backward += LANES) {           \
            int left = half - chunk * LANES; /* columns that are still read forward */               \
            FLOATS keep = NUMBERS(forward, backward, left);                                          \
            FLOATS write = NUMBERS(forward + columns, backward + columns, left);                     \
            FLOATS read = NUMBERS(forward + 2 * columns, backward + 2 * columns, left);              \
            FLOATS own = NUMBERS(forward + 3 * columns, backward + 3 * columns, left);               \
            FLOATS found = read * memory[chunk] * scale[chunk] + own * two;                          \
            memory[chunk] = (keep + from_zero) * keep_unit * memory[chunk] + write;                  \
            found = LOWER(HIGHER(found, zero), largest) + no_digits - no_digits;                     \
            most[chunk] = HIGHER(found, most[chunk]);                                                \
            sums[chunk] += found;                                                                    \
        }                                                                                            \
    }                                                                                                \
    memcpy(highest, most, sizeof *highest * (size_t)columns);                                        \
    memcpy(totals, sums, sizeof *totals * (size_t)columns);

/* Loops over a number of columns that the compiler knows. */
#define REMEMBER_COLUMNS(REMEMBER)                                                                   \
    if (columns == 8) REMEMBER(t, places, count, 8, highest, totals);                                \
    if (columns == 16) REMEMBER(t, places, count, 16, highest, totals);                              \
    if (columns == 24) REMEMBER(t, places, count, 24, highest, totals);                              \
    if (columns == 32) REMEMBER(t, places, count, 32, highest, totals);

typedef float floats __attribute__((vector_size(16)));
typedef int32_t integers __attribute__((vector_size(16)));

static ALWAYS_INLINE floats numbers_4(const int8_t *forward, const int8_t *backward, int left) {
    const int8_t *codes = left > 0 ? forward : backward;
#if defined(__x86_64__)
    int32_t four;
    memcpy(&four, codes, sizeof four);
    __m128i bytes = _mm_cvtsi32_si128(four), twice = _mm_unpacklo_epi8(bytes, bytes);
    return (floats)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(twice, twice), 24));
#elif defined(__aarch64__)
    uint32_t four;
    memcpy(&four, codes, sizeof four);
    return (floats)vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four)))));
#else
    return (floats){(float)codes[0], (float)codes[1], (float)codes[2], (float)codes[3]};
#endif
}

/* One or the other, by masks of bits. */
#define CHOSEN(WHICH, ONE, OTHER) ((floats)(((integers)(ONE) & (WHICH)) | ((integers)(OTHER) & ~(WHICH))))
#define HIGHER_4(ONE, OTHER) CHOSEN((ONE) > (OTHER), ONE, OTHER)
#define LOWER_4(ONE, OTHER) CHOSEN((ONE) < (OTHER), ONE, OTHER)
#define ALL_4(NUMBER) {NUMBER, NUMBER, NUMBER, NUMBER}

static ALWAYS_INLINE void remember_4(const recurrent_tables *t, const uint32_t *places, int64_t count,
                                     int columns, float *highest, float *totals) {
    REMEMBER_BODY(floats, 4, numbers_4, ALL_4, HIGHER_4, LOWER_4)
}

static void remember_plain(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                           float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_4)
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static ALWAYS_INLINE __m256 numbers_8(const int8_t *forward, const int8_t *backward, int left) {
    int64_t eight;
    memcpy(&eight, left > 0 ? forward : backward, sizeof eight);
    if (left == 4) memcpy((char *)&eight + 4, backward + 4, 4);
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(eight)));
}

AVX2 static ALWAYS_INLINE void remember_8(const recurrent_tables *t, const uint32_t *places, int64_t count,
                                          int columns, float *highest, float *totals) {
    REMEMBER_BODY(__m256, 8, numbers_8, _mm256_set1_ps, _mm256_max_ps, _mm256_min_ps)
}

AVX2 static void remember_avx2(const recurrent_tables *t, const uint32_t *places, int64_t count, int columns,
                               float *highest, float *totals) {
    REMEMBER_COLUMNS(remember_8)
}
#endif

static remember_function *find_remember(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return remember_avx2;
#endif
    return remember_plain;
}

/* Pool the outputs of each review: `highest` and `totals` (rows, columns), and the numbers of
   tokens and known tokens, (rows) each. Returns 0, or 1 if an id is beyond the tables. The rows
   of a review are looked up while the review before it is read. */
EXPORT int32_t remember_vectors(const recurrent_tables *t, const reviews *r, float *highest,
                                float *totals, float *tokens, int32_t *known) {
    if (!are_known(r, t->vocabulary)) return 1;
    divisor slots = divisor_of(t->slots_size);
    remember_function *read = find_remember();
    uint32_t places[2][MOST_RECURRENT_TOKENS];
    for (int64_t row = 0, before = 0; row <= r->rows; row++) {
        int has_start = 0;
        int64_t count = 0;
        if (row < r->rows) {
            int64_t at = first_read(r, row, &has_start);
            const int32_t *ids = r->ids + at;
            count = r->stops[row] - at;
            int32_t all = 0, of_words = 0;
            for (int64_t i = 0; i < count; i++) {
                all += ids[i] > START_ID;
                of_words += ids[i] >= FIRST_WORD_ID;
            }
            tokens[row] = (float)all;
            known[row] = of_words;
            find_rows(t, slots, ids, count, has_start, places[row % 2]);
        }
        if (row > 0) {
            read(t, places[(row - 1) % 2], before, t->columns, highest, totals);
            highest += t->columns, totals += t->columns;
        }
        before = count + has_start;
    }
    return 0;
}

/* The layers after the pooling: `kernel` is (2 columns, hidden). */
typedef struct {
    recurrent_tables tables;
    const float *kernel, *hidden_bias, *last;
    int32_t hidden;
} recurrent_network;

/* Columns are read eight at a time; missing columns of a direction are zero. */
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef float eight_numbers __attribute__((vector_size(32)));
typedef int8_t eight_codes __attribute__((vector_size(8)));
typedef int32_t eight_masks __attribute__((vector_size(32), aligned(4), may_alias));

#define CHOSEN_8(WHICH, ONE, OTHER)                                                                  \
    ((eight)(((eight_masks)(ONE) & (WHICH)) | ((eight_masks)(OTHER) & ~(WHICH))))
#define HIGHER_8(ONE, OTHER) CHOSEN_8((ONE) > (OTHER), ONE, OTHER)

/* A review as it is read in one direction, (tokens, parts) each; of the highest, those of the tokens
   before one and those from one on. */
typedef struct {
    eight *gates; /* (tokens, 4 groups, parts) */
    eight *memory, *outputs, *highest_before, *highest_after, *totals;
} direction;

enum { MOST_PARTS_OF_HALF = MOST_RECURRENT_COLUMNS / 16, MOST_HIDDEN = 64, HIDDEN_TOGETHER = 32 };
enum { EIGHTS_OF_TOKEN = 2 * (GROUPS + 5) * MOST_PARTS_OF_HALF };
enum { MOST_POOLED = 4 * 8 * MOST_PARTS_OF_HALF };

static inline uint32_t row_of_pair(const recurrent_tables *t, divisor slots, uint32_t before, uint32_t id) {
    uint32_t key = before * (uint32_t)t->vocabulary + id, by = quotient(key, slots);
    uint32_t held = (uint32_t)t->slots[key - by * slots.number];
    int is_pair = (held & ((1u << QUOTIENT_BITS) - 1)) == by && held != UINT32_MAX && id > START_ID;
    return is_pair ? (uint32_t)t->vocabulary + (held >> QUOTIENT_BITS) : id;
}

static ALWAYS_INLINE void read_gates(const recurrent_tables *t, uint32_t row, int is_backward, int parts,
                                     eight *gates) {
    const int half = t->columns / 2;
    const int8_t *codes = t->rows + ((int64_t)row * GROUPS * 2 + is_backward) * half;
    for (int g = 0; g < GROUPS; g++)
        for (int p = 0; p < parts; p++) { /* a direction has a multiple of four columns */
            eight_codes some = {0};
            memcpy(&some, codes + 2 * g * half + 8 * p, 8 * p + 8 <= half ? 8 : 4);
            gates[g * parts + p] = __builtin_convertvector(some, eight_numbers);
        }
    for (int p = 0; p < parts; p++) {
        gates[p] = (gates[p] + 128.0f) * (1.0f / 256.0f);
        gates[3 * parts + p] *= 2.0f;
    }
}

/* Read a token, with the operations of REMEMBER_BODY. */
static ALWAYS_INLINE void remember_one(const eight *gates, const eight *scale, int parts, eight *memory,
                                       eight *outputs) {
    const eight zero = {0}, largest = zero + 4095.0f;
    for (int p = 0; p < parts; p++) {
        eight found = gates[2 * parts + p] * memory[p] * scale[p] + gates[3 * parts + p];
        memory[p] = gates[p] * memory[p] + gates[parts + p];
        found = HIGHER_8(found, zero);
        found = CHOSEN_8(found < largest, found, largest);
        outputs[p] = found + 12582912.0f - 12582912.0f;
    }
}

static ALWAYS_INLINE void remember_all(const direction *d, const eight *scale, int64_t count, int parts) {
    eight memory[MOST_PARTS_OF_HALF] = {{0}};
    memcpy(d->totals, memory, sizeof(eight) * (size_t)parts);
    memcpy(d->highest_before, memory, sizeof(eight) * (size_t)parts);
    memcpy(d->highest_after + count * parts, memory, sizeof(eight) * (size_t)parts);
    for (int64_t i = 0; i < count; i++) {
        eight *outputs = d->outputs + i * parts, *highest = d->highest_before + i * parts;
        memcpy(d->memory + i * parts, memory, sizeof(eight) * (size_t)parts);
        remember_one(d->gates + i * GROUPS * parts, scale, parts, memory, outputs);
        for (int p = 0; p < parts; p++) {
            highest[parts + p] = HIGHER_8(outputs[p], highest[p]);
            d->totals[p] += outputs[p];
        }
    }
    for (int64_t i = count * parts - 1; i >= 0; i--)
        d->highest_after[i] = HIGHER_8(d->outputs[i], d->highest_after[i + parts]);
}

enum { STEPS_UNSEEN = 4 }; /* tokens between two checks whether the memory is the same again */

/* Read a review again from a token with one or two other rows, until the memory is the same
   again, and compute the new pooled outputs. */
static ALWAYS_INLINE void remember_changed(const direction *d, const eight *scale, int64_t count, int parts,
                                           int64_t from, const eight *changed, int64_t changes, float *highest,
                                           float *totals) {
    eight memory[MOST_PARTS_OF_HALF], outputs[MOST_PARTS_OF_HALF], most[MOST_PARTS_OF_HALF];
    eight sums[MOST_PARTS_OF_HALF];
    for (int p = 0; p < parts; p++) {
        memory[p] = d->memory[from * parts + p];
        most[p] = d->highest_before[from * parts + p];
        sums[p] = d->totals[p];
    }
    int64_t i = from, stop = least(from + changes, count);
    for (; i < stop || i < count; i++) {
        const eight *gates = i < stop ? changed + (i - from) * GROUPS * parts : d->gates + i * GROUPS * parts;
        if (i >= stop && (i - stop) % STEPS_UNSEEN == 0) {
            eight_masks differs = {0};
            for (int p = 0; p < parts; p++) differs |= memory[p] != d->memory[i * parts + p];
            int64_t any[4];
            memcpy(any, &differs, sizeof any);
            if ((any[0] | any[1] | any[2] | any[3]) == 0) break;
        }
        remember_one(gates, scale, parts, memory, outputs);
        for (int p = 0; p < parts; p++) {
            most[p] = HIGHER_8(outputs[p], most[p]);
            sums[p] += outputs[p] - d->outputs[i * parts + p];
        }
    }
    for (int p = 0; p < parts; p++) {
        most[p] = HIGHER_8(most[p], d->highest_after[i * parts + p]);
        memcpy(highest + 8 * p, &most[p], sizeof most[p]);
        memcpy(totals + 8 * p, &sums[p], sizeof sums[p]);
    }
}

/* Add the contributions of some numbers, (inputs), to the hidden units, before their ReLU. */
static ALWAYS_INLINE void add_to_hidden(const recurrent_network *n, const float *before, const float *numbers,
                                        int inputs, float *after) {
    for (int k = 0; k < n->hidden; k += HIDDEN_TOGETHER) {
        eight sums[HIDDEN_TOGETHER / 8];
        memcpy(sums, before + k, sizeof sums);
        for (int c = 0; c < inputs; c++)
            for (int p = 0; p < HIDDEN_TOGETHER / 8; p++)
                sums[p] += *(const eight *)(n->kernel + c * n->hidden + k + 8 * p) * numbers[c];
        memcpy(after + k, sums, sizeof sums);
    }
}

/* Compute the fall of the logit if each known word is hidden, (tokens), to about 1e-5. The
   pooled sums are multiplied by `factor`. A direction has `wide` columns: the pooled outputs are
   the maxima of both directions, then the sums. */
static ALWAYS_INLINE void hide_words(const recurrent_network *n, const int32_t *ids, const uint32_t *places,
                                     int64_t count, float factor, int parts, eight *space, float *found) {
    const recurrent_tables *t = &n->tables;
    divisor slots = divisor_of(t->slots_size);
    const int half = t->columns / 2, wide = 8 * parts, hidden = n->hidden;
    direction both[2];
    eight scale[2][MOST_PARTS_OF_HALF] = {{{0}}};
    float before_hidden[MOST_HIDDEN], pooled[MOST_POOLED], changed_pooled[MOST_POOLED];
    float numbers[MOST_POOLED], units[MOST_POOLED];
    for (int side = 0; side < 2; side++) {
        direction *d = &both[side];
        d->gates = space, space += count * GROUPS * parts;
        eight **all[] = {&d->memory, &d->outputs, &d->highest_before, &d->highest_after, &d->totals};
        for (int at = 0; at < 5; at++) *all[at] = space, space += (count + 1) * parts;
        memcpy(scale[side], t->scale + side * half, sizeof(float) * (size_t)half);
        for (int64_t i = 0; i < count; i++)
            read_gates(t, places[side ? count - 1 - i : i], side, parts, d->gates + i * GROUPS * parts);
        remember_all(d, scale[side], count, parts);
        memcpy(pooled + side * wide, d->highest_after, sizeof(float) * (size_t)wide);
        memcpy(pooled + (2 + side) * wide, d->totals, sizeof(float) * (size_t)wide);
    }
    for (int c = 0; c < 4 * half; c++) {
        units[c] = c < 2 * half ? 1.0f : factor;
        numbers[c] = pooled[c / half * wide + c % half] * units[c];
    }
    add_to_hidden(n, n->hidden_bias, numbers, 4 * half, before_hidden);
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] <= UNKNOWN_ID) continue;
        eight changed[2 * GROUPS * MOST_PARTS_OF_HALF];
        float after_hidden[MOST_HIDDEN], change = 0;
        int64_t changes = i + 1 < count ? 2 : 1;
        uint32_t others[2] = {row_of_pair(t, slots, i ? (uint32_t)ids[i - 1] : PADDING_ID, UNKNOWN_ID), 0};
        if (changes == 2) others[1] = row_of_pair(t, slots, UNKNOWN_ID, (uint32_t)ids[i + 1]);
        for (int side = 0; side < 2; side++) {
            for (int64_t at = 0; at < changes; at++)
                read_gates(t, others[side ? changes - 1 - at : at], side, parts, changed + at * GROUPS * parts);
            remember_changed(&both[side], scale[side], count, parts, side ? count - i - changes : i, changed,
                             changes, changed_pooled + side * wide, changed_pooled + (2 + side) * wide);
        }
        for (int quarter = 0; quarter < 4; quarter++)
            for (int c = 0; c < half; c++) {
                int at = quarter * half + c;
                numbers[at] = (changed_pooled[quarter * wide + c] - pooled[quarter * wide + c]) * units[at];
                change += n->last[at] * numbers[at];
            }
        add_to_hidden(n, before_hidden, numbers, 4 * half, after_hidden);
        for (int k = 0; k < hidden; k++) {
            float one = before_hidden[k] > 0 ? before_hidden[k] : 0;
            float other = after_hidden[k] > 0 ? after_hidden[k] : 0;
            change += n->last[4 * half + k] * (other - one);
        }
        found[i] = -change;
    }
}

typedef void hide_function(const recurrent_network *n, const int32_t *ids, const uint32_t *places,
                           int64_t count, float factor, eight *space, float *found);

/* Loops over a number of columns that the compiler knows. */
#define HIDE_PARTS                                                                                   \
    if (n->tables.columns <= 16) hide_words(n, ids, places, count, factor, 1, space, found);           \
    if (n->tables.columns > 16) hide_words(n, ids, places, count, factor, 2, space, found);

static void hide_plain(const recurrent_network *n, const int32_t *ids, const uint32_t *places,
                       int64_t count, float factor, eight *space, float *found) {
    HIDE_PARTS
}

#if defined(__x86_64__)
AVX2 static void hide_avx2(const recurrent_network *n, const int32_t *ids, const uint32_t *places,
                           int64_t count, float factor, eight *space, float *found) {
    HIDE_PARTS
}
#endif

/* Compute what each known word adds to the logit, (ids); other values do not change. `units`
   (rows) are the factors of the sums of each review; `space` has room for EIGHTS_OF_TOKEN for
   `most` tokens and two more. Returns 0, or 1 if an id is beyond the tables, or if there are too
   many tokens or hidden units. */
EXPORT int32_t hide_each(const recurrent_network *n, const reviews *r, const float *units, eight *space,
                         float *found) {
    const recurrent_tables *t = &n->tables;
    if (!are_known(r, t->vocabulary) || n->hidden > MOST_HIDDEN || n->hidden % HIDDEN_TOGETHER ||
        r->most >= MOST_RECURRENT_TOKENS) return 1;
    hide_function *hide = hide_plain;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) hide = hide_avx2;
#endif
    uint32_t places[MOST_RECURRENT_TOKENS];
    int32_t ids[MOST_RECURRENT_TOKENS];
    float added[MOST_RECURRENT_TOKENS];
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), count = r->stops[row] - at;
        ids[0] = START_ID;
        memcpy(ids + has_start, r->ids + at, sizeof *ids * (size_t)count);
        memcpy(added + has_start, found + at, sizeof *added * (size_t)count);
        find_rows(t, divisor_of(t->slots_size), r->ids + at, count, has_start, places);
        hide(n, ids, places, count + has_start, units[row], space, added);
        memcpy(found + at, added + has_start, sizeof *added * (size_t)count);
    }
    return 0;
}

/* `conv1d`: the products of a token with the first and the second row of the kernel. */
typedef struct {
    const float *first, *second; /* (vocabulary, filters); `second` has one more row, for no token */
    int32_t vocabulary, filters, width;
} conv_tables;

/* Compute the maximum of each two neighbouring windows of two tokens, at least 0: (rows, width /
   2, filters). Reviews are padded in front. Returns 0, or 1 if an id is beyond the tables. */
EXPORT int32_t convolve(const conv_tables *t, const reviews *r, float *found) {
    if (!are_known(r, t->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int has_start;
        int64_t at = first_read(r, row, &has_start), padding = t->width - (r->stops[row] - at);
        for (int64_t i = 0; i < t->width; i += 2, found += t->filters) {
            int64_t three[3]; /* an even place, the odd one after it, and the one after that */
            for (int64_t j = i; j < i + 3; j++) {
                int64_t in_front = has_start && j == padding - 1 ? START_ID : PADDING_ID;
                int64_t id = j < padding ? in_front : 0;
                if (j >= padding && j < t->width) id = r->ids[at + j - padding];
                three[j - i] = j == t->width ? t->vocabulary : id;
            }
            const float *first = t->first + three[0] * t->filters;
            const float *first_of_odd = t->first + three[1] * t->filters;
            const float *second = t->second + three[1] * t->filters;
            const float *second_of_even = t->second + three[2] * t->filters;
            for (int32_t f = 0; f < t->filters; f++) {
                float even = first[f] + second[f], odd = first_of_odd[f] + second_of_even[f];
                float higher = even > odd ? even : odd;
                found[f] = higher > 0 ? higher : 0;
            }
        }
    }
    return 0;
}

typedef struct {
    const uint8_t *of_id; /* (vocabulary), 0 or 1 */
    int32_t vocabulary;
} flags;

/* Count the flagged ids among the last `most` of each review, without the start id: (rows).
   Returns 0, or 1 if an id has no flag. */
EXPORT int32_t count_flagged(const flags *f, const reviews *r, int32_t *found) {
    if (!are_known(r, f->vocabulary)) return 1;
    for (int64_t row = 0; row < r->rows; row++) {
        int64_t first = r->stops[row] - r->most;
        int32_t count = 0;
        for (int64_t at = first > r->starts[row] ? first : r->starts[row]; at < r->stops[row]; at++)
            count += f->of_id[r->ids[at]];
        found[row] = count;
    }
    return 0;
}
