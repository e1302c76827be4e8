/* See sentiment.h. */

#include "sentiment.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <onnxruntime_c_api.h>
#include "file.h"
#include "text.h"

/* The text operators make a table of all words of all texts of a batch, each row as wide as the
 * text with the most words, at some 40 bytes a word. So batches are small, only the end of a long
 * text goes in, and it goes in alone: a text without separators is one word, and not cut. */
#define BATCH 32
#define STRINGS ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING

enum output { PROBABILITY, LABEL, KNOWN_TOKENS, STARS, OUTPUTS };
static const char *const OUTPUT_NAMES[OUTPUTS] = {"probability", "label", "known_tokens", "stars"};

struct sentiment_model {
    const OrtApi *ort;
    OrtEnv *env;
    OrtSessionOptions *options;
    OrtSession *session;
    size_t max_tokens;
    size_t count; /* of the outputs that the file has */
    const char *names[OUTPUTS];
    enum output outputs[OUTPUTS];
};

/* Write an error; always false. */
static bool fail(char *error, const char *what, const char *why)
{
    snprintf(error, SENTIMENT_ERROR_SIZE, *why ? "%s: %s" : "%s", what, why);
    return false;
}

/* Every call of ONNX Runtime passes through here: says what went wrong, and frees the status. */
static bool ok(const sentiment_model *model, OrtStatus *status, char *error)
{
    if (status != NULL)
        fail(error, model->ort->GetErrorMessage(status), "");
    model->ort->ReleaseStatus(status);
    return status == NULL;
}

/* The twin that takes token ids has another input. */
static bool check_input(const sentiment_model *model, OrtAllocator *memory, char *error)
{
    char *name;

    if (!ok(model, model->ort->SessionGetInputName(model->session, 0, memory, &name), error))
        return false;
    bool done = strcmp(name, "text") == 0 || fail(error, "not a model of texts; its input", name);
    memory->Free(memory, name);
    return done;
}

/* Files before format 3 have no known_tokens, and not all have stars. */
static bool find_outputs(sentiment_model *model, OrtAllocator *memory, char *error)
{
    const OrtApi *ort = model->ort;
    size_t count;

    if (!ok(model, ort->SessionGetOutputCount(model->session, &count), error))
        return false;
    for (size_t i = 0; i < count; i++) {
        char *name;
        if (!ok(model, ort->SessionGetOutputName(model->session, i, memory, &name), error))
            return false;
        for (int output = 0; output < OUTPUTS; output++)
            if (strcmp(name, OUTPUT_NAMES[output]) == 0 && model->count < OUTPUTS) {
                model->names[model->count] = OUTPUT_NAMES[output];
                model->outputs[model->count++] = (enum output)output;
            }
        memory->Free(memory, name);
    }
    return model->count >= 2 || fail(error, "not a model of texts", "it has no probability");
}

static bool find_max_tokens(sentiment_model *model, OrtAllocator *memory, char *error)
{
    const OrtApi *ort = model->ort;
    OrtModelMetadata *facts;
    char *value = NULL;

    if (!ok(model, ort->SessionGetModelMetadata(model->session, &facts), error))
        return false;
    bool done = ok(model, ort->ModelMetadataLookupCustomMetadataMap(facts, memory, "max_tokens",
                                                                    &value), error);
    if (value != NULL) {
        model->max_tokens = strtoul(value, NULL, 10);
        memory->Free(memory, value);
    }
    ort->ReleaseModelMetadata(facts);
    return done && (model->max_tokens > 0 || fail(error, "not a model of texts", "no max_tokens"));
}

/* ONNX Runtime speaks of "protobuf", which says little of a download that was cut short. */
static bool read_model(sentiment_model *model, const void *bytes, size_t size, char *error)
{
    const OrtApi *ort = model->ort;
    OrtStatus *status = ort->CreateSessionFromArray(model->env, bytes, size, model->options,
                                                    &model->session);

    if (status == NULL || (size > 0 && ort->GetErrorCode(status) != ORT_INVALID_PROTOBUF))
        return ok(model, status, error);
    ort->ReleaseStatus(status);
    return fail(error, "not an ONNX model, or one that was cut short", "");
}

static bool load(sentiment_model *model, const void *bytes, size_t size, char *error)
{
    const OrtApi *ort = model->ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    OrtAllocator *memory; /* the default one, which is never released */

    if (ort == NULL)
        return fail(error, "the library of ONNX Runtime is older than its header", "");
    return ok(model, ort->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "sentiment", &model->env), error)
        && ok(model, ort->CreateSessionOptions(&model->options), error)
        && ok(model, ort->SetIntraOpNumThreads(model->options, 1), error) /* it is small */
        && read_model(model, bytes, size, error)
        && ok(model, ort->GetAllocatorWithDefaultOptions(&memory), error)
        && check_input(model, memory, error) && find_max_tokens(model, memory, error)
        && find_outputs(model, memory, error);
}

sentiment_model *sentiment_open(const char *path, const void *bytes, size_t size,
                                char error[SENTIMENT_ERROR_SIZE])
{
    char why[SENTIMENT_ERROR_SIZE];
    sentiment_model *model = calloc(1, sizeof *model);
    void *content = NULL;

    if (model == NULL
        || (path != NULL && (bytes = content = sentiment_read_file(path, &size)) == NULL))
        snprintf(why, sizeof why, "%s", strerror(errno));
    else if (load(model, bytes, size, why)) {
        free(content);
        return model;
    }
    fail(error, path == NULL ? "the model" : sentiment_end_of_path(path), why);
    sentiment_close(model);
    free(content);
    return NULL;
}

void sentiment_close(sentiment_model *model)
{
    if (model != NULL && model->ort != NULL) {
        model->ort->ReleaseSession(model->session);
        model->ort->ReleaseSessionOptions(model->options);
        model->ort->ReleaseEnv(model->env);
    }
    free(model);
}

static bool fill(const sentiment_model *model, OrtValue *input, size_t place, const char *text,
                 size_t length, char *error)
{
    size_t start = sentiment_start_of_end(text, length, model->max_tokens);
    const OrtApi *ort = model->ort;
    char *room;

    length -= start;
    if (!ok(model, ort->GetResizedStringTensorElementBuffer(input, place, length, &room), error))
        return false;
    memcpy(room, text + start, length);
    return true;
}

static bool copy_labels(const sentiment_model *model, const OrtValue *labels, size_t count,
                        sentiment_result *results, char *error)
{
    const OrtApi *ort = model->ort;

    for (size_t i = 0; i < count; i++) {
        size_t length;
        if (!ok(model, ort->GetStringTensorElementLength(labels, i, &length), error))
            return false;
        if (length >= SENTIMENT_LABEL_SIZE)
            return fail(error, "the labels of the model are too long", "63 bytes at most");
        if (!ok(model, ort->GetStringTensorElement(labels, length, i, results[i].label), error))
            return false; /* the rest of the label is NUL already */
    }
    return true;
}

static bool copy_outputs(const sentiment_model *model, OrtValue **found, size_t count,
                         sentiment_result *results, char *error)
{
    for (size_t output = 0; output < model->count; output++) {
        void *data;
        if (model->outputs[output] == LABEL) {
            if (!copy_labels(model, found[output], count, results, error))
                return false;
            continue;
        }
        if (!ok(model, model->ort->GetTensorMutableData(found[output], &data), error))
            return false;
        for (size_t i = 0; i < count; i++)
            if (model->outputs[output] == PROBABILITY)
                results[i].probability = ((float *)data)[i];
            else if (model->outputs[output] == STARS)
                results[i].stars = ((float *)data)[i];
            else
                results[i].known_tokens = ((int32_t *)data)[i];
    }
    return true;
}

static bool score_batch(const sentiment_model *model, const char *texts, const size_t *lengths,
                        size_t count, sentiment_result *results, char *error)
{
    const OrtApi *ort = model->ort;
    const char *const input_names[] = {"text"};
    const int64_t shape[] = {(int64_t)count};
    OrtValue *input = NULL, *found[OUTPUTS] = {NULL};
    OrtAllocator *memory;

    bool done = ok(model, ort->GetAllocatorWithDefaultOptions(&memory), error)
        && ok(model, ort->CreateTensorAsOrtValue(memory, shape, 1, STRINGS, &input), error);
    for (size_t i = 0; done && i < count; texts += lengths[i++])
        done = fill(model, input, i, texts, lengths[i], error);
    done = done
        && ok(model, ort->Run(model->session, NULL, input_names, (const OrtValue *const *)&input, 1,
                              model->names, model->count, found), error)
        && copy_outputs(model, found, count, results, error);
    for (size_t i = 0; i < model->count; i++)
        ort->ReleaseValue(found[i]);
    ort->ReleaseValue(input);
    return done;
}

/* How many of these texts are scored at once. */
static size_t batch_of(const size_t *lengths, size_t count)
{
    size_t batch = 0;

    while (batch < count && batch < BATCH && !sentiment_is_long(lengths[batch]))
        batch++;
    return batch > 0 ? batch : 1;
}

int sentiment_score(const sentiment_model *model, const char *texts, const size_t *lengths,
                    size_t count, sentiment_result *results, char error[SENTIMENT_ERROR_SIZE])
{
    const char *text = texts;

    if (model == NULL) {
        fail(error, "the model is not open", "");
        return 1;
    }
    for (size_t i = 0; i < count; text += lengths[i++]) {
        size_t valid = sentiment_length_of_utf8(text, lengths[i]);
        if (valid < lengths[i]) {
            snprintf(error, SENTIMENT_ERROR_SIZE, "text %zu is not UTF-8: byte %zu is 0x%02x",
                     i + 1, valid + 1, (unsigned char)text[valid]);
            return 1;
        }
        results[i] = (sentiment_result){.stars = NAN, .known_tokens = -1};
    }
    for (size_t i = 0, batch; i < count; i += batch) {
        batch = batch_of(lengths + i, count - i);
        if (!score_batch(model, texts, lengths + i, batch, results + i, error))
            return 1;
        for (size_t end = i + batch, text = i; text < end; texts += lengths[text++])
            if (results[text].known_tokens == 0) {
                results[text].label[0] = '\0';
                results[text].probability = results[text].stars = NAN;
            }
    }
    return 0;
}
