//! Sentiment in a Rust program.
//!
//!     embed MODEL [TEXT...]
//!
//! Prints the label and the probability of each text, or of each line of standard input, and only
//! "unknown" where the model knows no word of the text, which then says nothing. What is not UTF-8
//! becomes U+FFFD.

mod sentiment;

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use sentiment::Model;

const AT_ONCE: usize = 32;

type Done = Result<(), Box<dyn Error>>;

fn print_scores(out: &mut impl Write, model: &Model, texts: &[String]) -> Done {
    for score in model.score(texts)? {
        match score.label {
            Some(label) => writeln!(out, "{label} {:.7}", score.probability)?,
            None => writeln!(out, "unknown")?,
        }
    }
    Ok(())
}

fn run(path: &str, arguments: &[String]) -> Done {
    let model = Model::open(path)?;
    let mut out = BufWriter::new(io::stdout().lock());
    print_scores(&mut out, &model, arguments)?;
    if arguments.is_empty() {
        let mut texts = Vec::with_capacity(AT_ONCE);
        for line in io::stdin().lock().split(b'\n') {
            texts.push(String::from_utf8_lossy(&line?).into_owned());
            if texts.len() == AT_ONCE {
                print_scores(&mut out, &model, &texts)?;
                texts.clear();
            }
        }
        print_scores(&mut out, &model, &texts)?;
    }
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    let Some((path, texts)) = arguments.split_first() else {
        eprintln!("usage: embed MODEL [TEXT...]");
        return ExitCode::from(2);
    };
    match run(path, texts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed: {error}");
            ExitCode::FAILURE
        }
    }
}
