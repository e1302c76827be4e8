// Package sentiment scores texts with a model file, through examples/c.
package sentiment

/*
#cgo CFLAGS: -I${SRCDIR}/../../c
#cgo LDFLAGS: ${SRCDIR}/../../c/libsentiment.a
#cgo pkg-config: libonnxruntime
#include <stdlib.h>
#include "sentiment.h"
*/
import "C"

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// Score is what the model says of a text.
type Score struct {
	Label       string // "" if the model knows no word of the text: not an opinion
	Probability float32 // NaN if Label is "", which encoding/json refuses
	Stars       float32 // NaN if Label is "", or the model has no stars
	KnownTokens int
}

// Model may be used by many goroutines at the same time.
type Model struct {
	closing sync.RWMutex // held for reading while a text is scored
	model   *C.sentiment_model
}

// Open reads a model file. Close it when it is no longer used.
func Open(path string) (*Model, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return open(name, nil)
}

// OpenBytes takes the content of a model file, such as one that is embedded in the program.
func OpenBytes(content []byte) (*Model, error) {
	return open(nil, content)
}

func open(path *C.char, content []byte) (*Model, error) {
	var reason [C.SENTIMENT_ERROR_SIZE]C.char
	start := unsafe.Pointer(unsafe.SliceData(content))
	found := C.sentiment_open(path, start, C.size_t(len(content)), &reason[0])
	if found == nil {
		return nil, errors.New(C.GoString(&reason[0]))
	}
	return &Model{model: found}, nil
}

// Close frees the model, as soon as no goroutine is scoring. It may be called again.
func (m *Model) Close() {
	m.closing.Lock()
	defer m.closing.Unlock()
	C.sentiment_close(m.model)
	m.model = nil
}

// Score gives a score for each text. A text that is not UTF-8 is an error, and so is a closed model.
func (m *Model) Score(texts []string) ([]Score, error) {
	m.closing.RLock()
	defer m.closing.RUnlock()
	joined := strings.Join(texts, "")
	lengths := make([]C.size_t, len(texts))
	for i, text := range texts {
		lengths[i] = C.size_t(len(text))
	}
	var reason [C.SENTIMENT_ERROR_SIZE]C.char
	results := make([]C.sentiment_result, len(texts))
	failed := C.sentiment_score(m.model, (*C.char)(unsafe.Pointer(unsafe.StringData(joined))),
		unsafe.SliceData(lengths), C.size_t(len(texts)), unsafe.SliceData(results), &reason[0])
	runtime.KeepAlive(joined)
	if failed != 0 {
		return nil, errors.New(C.GoString(&reason[0]))
	}
	scores := make([]Score, len(texts))
	for i := range results {
		found := &results[i]
		scores[i] = Score{C.GoString(&found.label[0]), float32(found.probability),
			float32(found.stars), int(found.known_tokens)}
	}
	return scores, nil
}
