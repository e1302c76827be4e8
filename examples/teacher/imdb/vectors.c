/* Document vectors by the cosine with the vectors of their n-grams (DV-ngrams-cosine).
 *
 * Thongtan and Phienthrakul, Sentiment Classification Using Document Embeddings Trained with Cosine
 * Similarity, ACL Student Research Workshop 2019: the score of an n-gram in a document is
 * SCALE * cos(document, n-gram), and the vectors are fitted by negative sampling.
 *
 * The gradients of both sides of the cosine are exact. A step is orthogonal to the vector that it
 * moves, so norms grow and the steps of the angle shrink by themselves, as with AdaGrad.
 *
 *     vectors FOLDER OUTPUT EPOCHS SECONDS
 *
 * FOLDER has, all little-endian, and of n-grams each one of a document once:
 *     ngrams.u32     ids of the n-grams of all documents
 *     offsets.i64    (documents + 1) where each document begins
 *     counts.i64     (n-grams) in how many documents each is
 * OUTPUT becomes (documents, DIMENSIONS) float32. The learning rate falls with the share of EPOCHS
 * that is done or, where SECONDS are above 0, of the time that has gone by; either ends the fit.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#ifndef DIMENSIONS
#define DIMENSIONS 512
#endif

#define NEGATIVES 6            /* a step for an n-gram of the document goes with so many others */
#define NEGATIVE_WEIGHT 0.8333f /* the six weigh as much as five */
#define SCALE 6.0f             /* of the cosine, before the sigmoid */
#define POWER 0.75             /* of the counts, in the draw of the others */
#define FIRST_RATE 0.2f
#define LAST_RATE_SHARE 0.02f
#define DRAWS (1u << 25)       /* size of the table that the others are drawn from */
#define SIGMOIDS 4096
#define AHEAD 4                /* steps between asking for a vector and using it */
#define HUGE_PAGE ((size_t)1 << 21)

typedef uint32_t Id;

static uint64_t state = 88172645463325252ull;

static inline uint64_t random_bits(void) { /* Marsaglia, Xorshift RNGs, 2003 */
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static inline Id random_below(Id limit) { return (Id)(((random_bits() >> 32) * (uint64_t)limit) >> 32); }

static inline float random_share(void) { return (random_bits() >> 40) * (1.f / 16777216); }

static void fail(const char *place) {
  perror(place);
  exit(1);
}

static void *allocate(size_t bytes) {
  void *found = malloc(bytes ? bytes : 1);
  if (!found) fail("memory");
  return found;
}

static void *read_file(const char *folder, const char *name, size_t *bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail(path);
  *bytes = (size_t)ftell(file);
  rewind(file);
  void *content = allocate(*bytes);
  if (fread(content, 1, *bytes, file) != *bytes) fail(path);
  fclose(file);
  return content;
}

/* Random vectors of unit length. */
static float *make_vectors(size_t count) {
  size_t bytes = (count * DIMENSIONS * sizeof(float) + HUGE_PAGE) / HUGE_PAGE * HUGE_PAGE;
  float *vectors = aligned_alloc(HUGE_PAGE, bytes);
  if (!vectors) fail("memory");
#ifdef MADV_HUGEPAGE
  madvise(vectors, bytes, MADV_HUGEPAGE); /* most steps would miss the table of small pages */
#endif
  for (size_t i = 0; i < count; i++) {
    float *vector = vectors + i * DIMENSIONS, square = 0;
    for (int j = 0; j < DIMENSIONS; j++) {
      vector[j] = random_share() - .5f;
      square += vector[j] * vector[j];
    }
    float scale = 1 / sqrtf(square);
    for (int j = 0; j < DIMENSIONS; j++) vector[j] *= scale;
  }
  return vectors;
}

/* Ids in proportion to the powers of their counts. */
static Id *make_draws(const int64_t *counts, size_t ngrams) {
  Id *draws = allocate(sizeof(Id) * DRAWS);
  double total = 0, sum = 0;
  size_t filled = 0;
  for (size_t i = 0; i < ngrams; i++) total += pow(counts[i], POWER);
  for (size_t i = 0; i < ngrams; i++) {
    sum += pow(counts[i], POWER) / total * DRAWS;
    while (filled < DRAWS && filled < sum) draws[filled++] = (Id)i;
  }
  while (filled < DRAWS) draws[filled++] = (Id)(ngrams - 1);
  return draws;
}

static float sigmoids[SIGMOIDS + 1]; /* of SCALE * cosine, for cosines from -1 to 1 */

static void shuffle(Id *ids, Id count) {
  for (Id i = count; i-- > 1;) {
    Id j = random_below(i + 1), id = ids[i];
    ids[i] = ids[j];
    ids[j] = id;
  }
}

/* Put random n-grams behind each of the document's own; returns how many there are then. */
static size_t add_negatives(Id *ids, size_t count, const Id *draws) {
  for (size_t i = count; i-- > 0;) {
    Id own = ids[i];
    for (int k = 1; k <= NEGATIVES; k++) ids[i * (NEGATIVES + 1) + k] = draws[random_below(DRAWS)];
    ids[i * (NEGATIVES + 1)] = own;
  }
  return count * (NEGATIVES + 1);
}

/* Move a document and an n-gram towards each other, or apart; returns the loss before. `square` is
 * the squared length of the document. */
static inline float step(float *document, float *ngram, int is_own, float rate, float *square) {
  float product = 0, ngram_square = 0;
  for (int j = 0; j < DIMENSIONS; j++) {
    product += ngram[j] * document[j];
    ngram_square += ngram[j] * ngram[j];
  }
  float over_lengths = 1 / sqrtf(ngram_square * *square);
  float cosine = fmaxf(-1, fminf(1, product * over_lengths));
  float probability = sigmoids[(int)((cosine + 1) * (SIGMOIDS / 2))];
  float move = rate * (is_own ? 1 - probability : -probability * NEGATIVE_WEIGHT);
  float keep_ngram = 1 - move * cosine / ngram_square, keep_document = 1 - move * cosine / *square;
  float across = move * over_lengths;
  for (int j = 0; j < DIMENSIONS; j++) {
    float u = ngram[j], v = document[j];
    ngram[j] = keep_ngram * u + across * v;
    document[j] = keep_document * v + across * u;
  }
  *square += move * move * (1 - cosine * cosine) / *square; /* the step is orthogonal */
  return is_own ? -logf(probability) : -NEGATIVE_WEIGHT * logf(1 - probability);
}

/* One pass over the n-grams of a document; returns the loss. */
static double fit_document(float *document, float *ngrams, const Id *ids, size_t count, float rate) {
  float square = 0;
  double loss = 0;
  for (int j = 0; j < DIMENSIONS; j++) square += document[j] * document[j];
  for (size_t i = 0; i < count; i++) {
    if (i + AHEAD < count) {
      char *next = (char *)(ngrams + (size_t)ids[i + AHEAD] * DIMENSIONS);
      for (size_t j = 0; j < DIMENSIONS * sizeof(float); j += 64) __builtin_prefetch(next + j, 1);
    }
    float *ngram = ngrams + (size_t)ids[i] * DIMENSIONS;
    loss += step(document, ngram, i % (NEGATIVES + 1) == 0, rate, &square);
  }
  return loss;
}

static double seconds_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec - start->tv_sec + 1e-9 * (now.tv_nsec - start->tv_nsec);
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: vectors FOLDER OUTPUT EPOCHS SECONDS\n");
    return 2;
  }
  const char *folder = arguments[1], *output = arguments[2];
  const int epochs = atoi(arguments[3]);
  const double limit = atof(arguments[4]);
  setvbuf(stdout, NULL, _IOLBF, 0);

  size_t bytes, longest = 0;
  Id *all = read_file(folder, "ngrams.u32", &bytes);
  int64_t *offsets = read_file(folder, "offsets.i64", &bytes);
  const Id documents = (Id)(bytes / sizeof(int64_t) - 1);
  int64_t *counts = read_file(folder, "counts.i64", &bytes);
  const size_t ngrams = bytes / sizeof(int64_t);
  for (Id i = 0; i < documents; i++)
    if ((size_t)(offsets[i + 1] - offsets[i]) > longest) longest = offsets[i + 1] - offsets[i];
  for (int i = 0; i <= SIGMOIDS; i++)
    sigmoids[i] = 1 / (1 + expf(-SCALE * (i / (SIGMOIDS / 2.f) - 1)));

  Id *draws = make_draws(counts, ngrams);
  float *ngram_vectors = make_vectors(ngrams), *document_vectors = make_vectors(documents);
  Id *order = allocate(sizeof(Id) * documents);
  Id *ids = allocate(sizeof(Id) * longest * (NEGATIVES + 1));
  for (Id i = 0; i < documents; i++) order[i] = i;

  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  double progress = 0;
  for (int epoch = 0; epoch < epochs && progress < 1; epoch++) {
    double loss = 0;
    size_t own = 0;
    shuffle(order, documents);
    for (Id i = 0; i < documents; i++) {
      if (limit <= 0) progress = ((double)epoch * documents + i) / ((double)epochs * documents);
      else if (i % 256 == 0) progress = seconds_since(&start) / limit;
      if (progress >= 1) break;
      const float rate = FIRST_RATE * fmaxf(LAST_RATE_SHARE, 1 - progress) * SCALE;
      const int64_t from = offsets[order[i]], length = offsets[order[i] + 1] - from;
      memcpy(ids, all + from, sizeof(Id) * length);
      shuffle(ids, (Id)length);
      const size_t steps = add_negatives(ids, length, draws);
      float *document = document_vectors + (size_t)order[i] * DIMENSIONS;
      loss += fit_document(document, ngram_vectors, ids, steps, rate);
      own += length;
    }
    printf("epoch %d: loss %.4f, %.0f s\n", epoch + 1, loss / (own ? own : 1), seconds_since(&start));
  }

  FILE *file = fopen(output, "wb");
  const size_t values = (size_t)documents * DIMENSIONS;
  if (!file || fwrite(document_vectors, sizeof(float), values, file) != values || fclose(file))
    fail(output);
  return 0;
}
