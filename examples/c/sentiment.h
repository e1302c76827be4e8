/* The model file in three functions, for C and for every language that can call C.
 *
 * A model may score in many threads at the same time. All memory but the model itself belongs to
 * the caller, and nothing is kept of it. Texts and labels are UTF-8. See README.md.
 */
#ifndef SENTIMENT_H
#define SENTIMENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define SENTIMENT_API __declspec(dllexport)
#else
#define SENTIMENT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SENTIMENT_ERROR_SIZE 256 /* of an error text, with its NUL */
#define SENTIMENT_LABEL_SIZE 64

typedef struct sentiment_model sentiment_model;

typedef struct {
    float probability;                /* of the positive label, 0 to 1; NaN if label is "" */
    float stars;                      /* 1 to 5; NaN if label is "", or the model has no stars */
    int32_t known_tokens;             /* of those read; -1 if the file does not say (old format) */
    char label[SENTIMENT_LABEL_SIZE]; /* ends with NUL; "" if known_tokens is 0: not an opinion */
} sentiment_result;

/* Open a model, from a file, or from memory if `path` is NULL. The memory may be freed afterwards.
 *
 * Gives NULL, and a text in `error`, if that fails.
 */
SENTIMENT_API sentiment_model *sentiment_open(const char *path, const void *bytes, size_t size,
                                              char error[SENTIMENT_ERROR_SIZE]);

/* Score any number of texts, also none. `texts` has them one after the other, without anything
 * between them, and `lengths` says how many bytes each has. A text ends at its first NUL.
 *
 * Gives 0, and one result for each text; or else 1, and a text in `error`, which counts texts and
 * bytes from 1. A `model` that is NULL is an error, too.
 */
SENTIMENT_API int sentiment_score(const sentiment_model *model, const char *texts,
                                  const size_t *lengths, size_t count, sentiment_result *results,
                                  char error[SENTIMENT_ERROR_SIZE]);

/* Free a model, or do nothing with NULL. No thread may be scoring. */
SENTIMENT_API void sentiment_close(sentiment_model *model);

#ifdef __cplusplus
}
#endif
#endif
