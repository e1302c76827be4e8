// Sentiment in a Go program.
//
//	embed MODEL [TEXT...]
//
// Prints the label and the probability of each text, or of each line of standard input, and only
// "unknown" where the model knows no word of the text, which then says nothing. Texts are UTF-8.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"example.com/sentiment/sentiment"
)

const atOnce = 32

func printScores(out io.Writer, model *sentiment.Model, texts []string) error {
	scores, err := model.Score(texts)
	for _, score := range scores {
		if score.Label == "" {
			fmt.Fprintln(out, "unknown")
		} else {
			fmt.Fprintf(out, "%s %.7f\n", score.Label, score.Probability)
		}
	}
	return err
}

func printLines(out io.Writer, model *sentiment.Model) error {
	lines := bufio.NewReader(os.Stdin) // a Scanner would stop at a long line
	var texts []string
	for {
		line, end := lines.ReadString('\n')
		if end != nil && end != io.EOF {
			return end
		}
		if line != "" {
			texts = append(texts, strings.TrimSuffix(line, "\n"))
		}
		if len(texts) == atOnce || end == io.EOF {
			if err := printScores(out, model, texts); err != nil || end == io.EOF {
				return err
			}
			texts = texts[:0]
		}
	}
}

func run(path string, texts []string) error {
	model, err := sentiment.Open(path)
	if err != nil {
		return err
	}
	defer model.Close()
	out := bufio.NewWriter(os.Stdout)
	if len(texts) > 0 {
		err = printScores(out, model, texts)
	} else {
		err = printLines(out, model)
	}
	if late := out.Flush(); err == nil {
		err = late
	}
	return err
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: embed MODEL [TEXT...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}
