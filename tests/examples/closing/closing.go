// Closes a model, twice, while four goroutines score with it: closing MODEL.
package main

import (
	"fmt"
	"os"
	"slices"
	"sync"

	"example.com/sentiment/sentiment"
)

func main() {
	model, err := sentiment.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	texts := []string{"A fine film.", "Dull."}
	expected, err := model.Score(texts)
	if err != nil {
		panic(err)
	}
	none, err := model.Score(nil)
	fmt.Println(none != nil, len(none), err)
	var begun, ended sync.WaitGroup
	begun.Add(4)
	ended.Add(4)
	ends := make([]error, 4)
	for i := range ends {
		go func(i int) {
			defer ended.Done()
			for first := true; ; first = false {
				found, err := model.Score(texts)
				if err != nil {
					ends[i] = err
					return
				}
				if !slices.Equal(found, expected) {
					panic("other scores")
				}
				if first {
					begun.Done()
				}
			}
		}(i)
	}
	begun.Wait()
	model.Close()
	model.Close()
	ended.Wait()
	for _, end := range ends {
		fmt.Println(end)
	}
	_, err = model.Score(nil)
	fmt.Println(err)
	_, err = new(sentiment.Model).Score(texts)
	fmt.Println(err)
}
