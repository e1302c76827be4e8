"""The calls whose outputs are recorded: every format, every option, and every kind of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data import shared_data
from tests.scoring.same_outputs import OLD_MODEL
from tests.scoring.same_outputs_files import (
    BAD,
    CSV,
    EVERY_KIND,
    GOOD,
    JSON,
    LABELLED,
    MIXED,
    NOT_UTF8,
    TEXTS,
    Call,
    Case,
    Files,
    csv_of,
    gz,
    json_of,
    lines_with_bad_ones,
    many_texts,
    parquet_of,
    parquet_with_bad_ones,
    rows_with_bad_ones,
    zst,
)


def case(name: str, files: Files | Callable[[], Files], *calls: str | Call) -> Case:
    """Make a case; a call is a string where only its arguments matter."""
    return Case(
        name,
        files if callable(files) else lambda: files,
        tuple(Call(call) if isinstance(call, str) else call for call in calls),
    )


DICTIONARY = pa.array([GOOD, None, GOOD]).dictionary_encode()
MANY_ROWS = csv_of(rows_with_bad_ones(1500))
BROKEN_CSV = (
    b'id,text\n1,fine\n2\n3,a,b\n4,"open\n5,good\n6,"closed" early\n7,a lone\rreturn\n'
    b'8,bad \xff byte\n9,"a ""quoted"" text, in\ntwo lines"\n\n10,with " inside\n11,"never closed\n'
    b"12,bad\n"
)
BROKEN_JSON = (
    json_of({"text": GOOD, "id": 1})
    + b'{"text": \n["text"]\n"text"\n5\nnull\n{"text": 5}\n{"text": true}\n{"text": {"a": 1}}\n'
    b'{"text": ["a"]}\n{"text": "cut\n{"text": "a"} {"text": "b"}\n{"text": "a"}x\n{text: 1}\n'
    b'{"text": "bad \xff byte"}\n{"text": "\x01 control"}\n{"text": "a", "text": "bad"}\n'
    b'{"text": "good", "x": NaN}\n{"text": "good", "x": -Infinity}\n{"text": "good", "x": -NaN}\n'
    b'{"text": "good", "x": Inf}\n{"text": "half \\ud83d pair", "\\ud83d": "\\ud83d"}\n'
    b'{"text": "a pair \\ud83c\\udfac"}\n{"text": "\\u0000 good\\n"}\n'
    b'{"text": "a", "predicted_sentiment": 1}\n{"text": "a", "positive_\\u0070robability": 1}\n'
    b'{"text": "a", "x": {"predicted_sentiment": 1}}\n{}\n{ }\n  {"text": "indented"}  \n\n \t\n'
    b'{"text": "long numbers", "x": ' + b"1" * 5000 + b"}\n"
    b'{"text": "deep", "x": ' + b"[" * 799 + b"]" * 799 + b"}\n"
    b'{"text": "too deep", "x": ' + b"[" * 800 + b"]" * 800 + b"}\n"
    b'{"text": "much too deep", "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}\n"
    b'{"te\\u0078t": "an escaped key"}\n{"text": null}\n{"text": ""}\n{"text": " \\t\\n"}\r\n'
    b'{"text": "no line end"}'
)
# Without the keys that refuse the whole file where another format is written.
BROKEN_JSON_TO_OTHERS = b"\n".join(
    line
    for line in BROKEN_JSON.split(b"\n")
    if b"predicted" not in line and b"robability" not in line
)
PLAIN_JSON = (
    b'{"id": 1, "text": "'
    + GOOD.encode()
    + b'", "n": 1.50, "o": {"a": [1, null], "b": "\\u00e9"}}\n'
    b'{"text": "caf\\u00e9 \\ud83c\\udfac",  "id" : 2e0, "n": 12345678901234567890}\r\n\n'
    b'{"n": null, "text": null, "extra": true}\n  {"text": "' + BAD.encode() + b'"}  \n{}'
)
CSV_TO_OTHERS = csv_of(
    [("id", "text", "a,b", 'q"'), *((n, text, "", '"') for n, text in enumerate(TEXTS))]
)
READING = (
    case("csv", {"a.csv": CSV}, "a.csv"),
    case("csv_quoted", {"a.csv": csv_of([("id", "text"), *enumerate(TEXTS)])}, "a.csv"),
    case("csv_crlf", {"a.csv": CSV.replace(b"\n", b"\r\n").removesuffix(b"\r\n")}, "a.csv"),
    case("csv_mixed_line_ends", {"a.csv": b"text\r\ngood\nbad\r\n\n\r\nfine"}, "a.csv"),
    case("csv_blank_lines", {"a.csv": b"\n\r\ntext,x\n\n\ngood,1\n\n\r\nbad,2\n\n"}, "a.csv"),
    case("csv_mark", {"a.csv": b"\xef\xbb\xbf" + CSV}, "a.csv", "a.csv -o b.jsonl"),
    case("csv_zero_bytes", {"a.csv": b"text,id\na\0b,\0\ngood,1\n\0,2\n"}, "a.csv"),
    case(
        "csv_columns_twice",
        {"a.csv": b"id,id,text,\n1,2,good,b\n", "b.csv": b"text,text\na,b\n"},
        "a.csv", "a.csv -o a.jsonl", "b.csv", "b.csv --text-column x",
    ),
    case("csv_broken", {"a.csv": BROKEN_CSV}, "a.csv", "a.csv --on-error stop -o b.csv"),
    case("csv_open_quote", {"a.csv": b'text,id\n"never closed,1\ngood,2\nbad,3\n'}, "a.csv"),
    case("csv_lone_returns", {"a.csv": b"text,id\rgood,1\rbad,2\r"}, "a.csv"),
    case("csv_texts_of_nothing",
         {"a.csv": b'text,id\n,1\n"",2\n  ,3\n"\n",4\n\xc2\xa0,5\n'}, "a.csv"),
    case(
        "empty_files",
        {"a.csv": b"", "a.tsv": b"", "a.jsonl": b"", "a.parquet": b"", "a.csv.gz": gz(b"")},
        "a.csv a.tsv a.jsonl a.parquet a.csv.gz -o out --report report.json",
    ),
    case("tsv", {"a.tsv": csv_of([("id", "text"), *enumerate(TEXTS)], "\t")},
         "a.tsv", "a.tsv -o b.csv"),
    case(
        "delimiters",
        {"a.csv": csv_of([("id", "text"), *enumerate(TEXTS)], ";"), "b.csv": b"id text\n1 'good'\n",
         "c.csv": b"id\ttext\n1\tgood\n", "d.jsonl": JSON, "e.csv": b'id|text\n1|"a|b"\n2|a,b\n'},
        "a.csv --delimiter ';'", "b.csv --delimiter ' '", r"c.csv --delimiter '\t'",
        "d.jsonl -o d.csv --delimiter '|'", "d.jsonl --delimiter ';'",
        "e.csv --delimiter '|' -o e.jsonl",
        "a.csv --delimiter ';;' -o f.csv", "a.csv --delimiter '\"' -o f.csv",
        "e.csv --delimiter '|' -o e.tsv", "d.jsonl -o e.tsv --force --delimiter ' '",
    ),
    case(
        "encodings",
        {"a.csv": "id,text\n1,été — größer\n2,good\n".encode("cp1252"),
         "b.csv": "\ufeffid,text\r\n1,été 映画 🎬\r\n2é\r\n3,bad\r\n".encode("utf-16-be"),
         "c.csv": b"\xef\xbb\xbf" + CSV,
         "d.jsonl": '{"text": "été"}\n{"text": 5, "é": 1}\n'.encode("utf-16"),
         "e.csv": b"id,text\n1,x\x81\n2,good\n"},
        "a.csv --encoding cp1252", "a.csv --encoding latin-1 -o latin.csv", "a.csv -o utf8.csv",
        "b.csv --encoding utf-16", "b.csv --encoding utf-16 -o b.parquet",
        "c.csv --encoding utf-8-sig", "d.jsonl --encoding utf-16", "e.csv --encoding cp1252",
        "a.csv --encoding nonsense", "a.csv --encoding base64",
    ),
    case(
        "no_header",
        {"a.csv": b"\n1,a superb film\n2,b,c\n\n3,\n", "b.csv": b"a superb film\nbad\n\n",
         "c.csv": b"\xef\xbb\xbfgood,1\r\nbad,0\r\n", "d.tsv": b"1\tgood\n2\tbad\n"},
        "a.csv --no-header --text-column 2", "b.csv --no-header",
        "c.csv --no-header --text-column 1 --label-column 2 --report report.json",
        "c.csv --no-header --text-column 1 -o c.jsonl", "d.tsv --no-header --text-column 2",
        "a.csv --no-header -o e.csv", "a.csv --no-header --text-column 3 -o e.csv",
        "a.csv --no-header --format jsonl -o e.jsonl", "b.csv --no-header -o e.parquet",
    ),
)  # fmt: skip

PACKED = (
    case(
        "packed",
        {"a.csv.gz": gz(CSV), "b.jsonl.zst": zst(JSON), "c.tsv.zst": zst(b"text\tid\ngood\t1\n"),
         "d.ndjson.gz": gz(JSON)},
        "a.csv.gz", "b.jsonl.zst", "c.tsv.zst", "d.ndjson.gz",
        "a.csv.gz -o a.jsonl.zst", "a.csv.gz -o a.csv", "b.jsonl.zst -o b.csv.gz",
        "c.tsv.zst -o c.parquet", "a.csv.gz --output-format tsv",
    ),
    case("packed_broken", {"a.csv.gz": gz(BROKEN_CSV), "b.jsonl.zst": zst(BROKEN_JSON)},
         "a.csv.gz", "b.jsonl.zst"),
)  # fmt: skip

JSON_LINES = (
    case("jsonl", {"a.jsonl": PLAIN_JSON}, "a.jsonl"),
    case("jsonl_by_arrow", {"a.jsonl": JSON, "b.ndjson": JSON}, "a.jsonl", "b.ndjson"),
    case("jsonl_broken", {"a.jsonl": BROKEN_JSON}, "a.jsonl", "a.jsonl --on-error stop -o b.jsonl"),
    case("jsonl_broken_to_others",
         {"a.jsonl": BROKEN_JSON_TO_OTHERS, "b.jsonl": BROKEN_JSON, "c.jsonl": JSON + BROKEN_JSON},
         "a.jsonl -o a.csv", "a.jsonl -o a.parquet", "b.jsonl -o b.csv", "c.jsonl"),
    case(
        "jsonl_objects_within",
        {"a.jsonl": json_of(
            {"review": {"body": GOOD, "stars": 5}}, {"review": None}, {"review": {}}, {},
            {"review": "none"}, {"review": {"body": 5, "stars": 1}},
            {"review": {"body": BAD, "stars": "neg"}}),
         "b.jsonl": json_of({"review.body": GOOD, "review": {"body": BAD}},
                            {"review.body": MIXED})},
        "a.jsonl --text-column review.body --label-column review.stars --report report.json",
        "b.jsonl --text-column review.body", "a.jsonl --text-column review.body -o b.csv",
        "a.jsonl --text-column review.none -o c.jsonl",
        "a.jsonl --text-column none.body -o d.jsonl",
    ),
    case(
        "jsonl_to_others",
        {"a.jsonl": PLAIN_JSON,
         "late.jsonl": JSON + json_of({"text": "long " * 900_000}, {"text": GOOD, "new": 1})},
        "a.jsonl -o a.csv", "a.jsonl -o a.tsv", "a.jsonl -o a.parquet",
        "a.jsonl --output-format csv", "late.jsonl -o late.csv", "late.jsonl",
    ),
)  # fmt: skip

PARQUET = (
    case("parquet", {"a.parquet": parquet_of({"id": [1, 2, 3, 4], "text": [GOOD, None, "", BAD]})},
         "a.parquet"),
    case("parquet_every_kind", {"a.parquet": parquet_of(EVERY_KIND)},
         "a.parquet", "a.parquet -o b.csv", "a.parquet -o b.jsonl",
         "a.parquet --output-format tsv"),
    case(
        "parquet_strings",
        {f"{name}.parquet": parquet_of({"text": pa.array([GOOD, None, "", BAD]).cast(kind)})
         for name, kind in {
             "large": pa.large_string(), "view": pa.string_view(), "bytes": pa.binary(),
             "large_bytes": pa.large_binary()}.items()}
        | {"dictionary.parquet": parquet_of({"text": DICTIONARY}),
           "null.parquet": parquet_of({"text": pa.nulls(3)}),
           "number.parquet": parquet_of({"text": [1]})},
        "large.parquet view.parquet bytes.parquet large_bytes.parquet dictionary.parquet "
        "null.parquet number.parquet -o out --report report.json",
        "'*.parquet' -o csv --output-format csv",
    ),
    case(
        "parquet_layout",
        {f"{packing}.parquet": parquet_of(
            pa.table({"text": many_texts(50), "n": range(50)}).replace_schema_metadata(
                {"ours": "é"}),
            row_group_size=20, compression=packing)
         for packing in ("none", "gzip", "zstd", "snappy")},
        "none.parquet gzip.parquet zstd.parquet snappy.parquet -o out",
    ),
    case(
        "parquet_no_utf8",
        {"a.parquet": parquet_of({"text": NOT_UTF8}),
         "b.parquet": parquet_of({"text": ["good", "bad", None], "x": NOT_UTF8}),
         "c.parquet": parquet_of({"text": NOT_UTF8.cast(pa.binary())}),
         "d.parquet": parquet_of(
             {"text": TEXTS[:3], "x": pa.StructArray.from_arrays([NOT_UTF8], ["y"])})},
        "a.parquet b.parquet c.parquet d.parquet -o out --report report.json",
        "a.parquet -o a.csv", "b.parquet -o b.jsonl", "a.parquet --on-error stop -o stop.parquet",
    ),
)  # fmt: skip

OPTIONS = (
    case(
        "models",
        {"a.csv": csv_of([("id", "text"), *enumerate([*TEXTS, *many_texts(30)])]),
         "old.onnx": OLD_MODEL.read_bytes(), "bad.onnx": b"bad"},
        "a.csv --model ngram-cnn -o cnn.csv --report cnn.report.json",
        "a.csv --model ngram-linear -o linear.csv --report linear.report.json",
        "a.csv -m conv1d -o conv1d.csv --report conv1d.report.json",
        "a.csv -m old.onnx -o old.csv --report old.report.json",
        "a.csv -m missing.onnx", "a.csv -m missing", "a.csv -m bad.onnx", "a.csv -m .",
    ),
    case(
        "neutral",
        {"a.csv": LABELLED},
        "a.csv --neutral-range 0.02:0.98 -o a.jsonl --label-column label --report report.json",
        "a.csv --neutral-range 0:1 -o b.csv --label-column label --report b.report.json",
        "a.csv --neutral-range 0.1:0.95 --threshold 0.9 -o c.csv --report c.report.json",
        *(
            f"a.csv --neutral-range {bad}"
            for bad in ("0.4", "0.6:0.4", "0.6:0.7", "a:b", "0.5:0.5")
        ),
    ),
    case(
        "names_of_added_columns",
        {"a.csv": CSV, "a.jsonl": JSON, "a.parquet": parquet_of({"text": [GOOD]})},
        *(f"{name} --names 'sentiment=a \"s\", é' --names 'probability=p\n'"
          for name in ("a.csv", "a.jsonl", "a.parquet")),
        "a.csv --names sentiment=s --names 'probability=' -o b.csv",
        "a.csv --names sentiment=p --names probability=p -o c.csv",
        "a.csv --text-column '\udcff' -o c.csv",
    ),
    case(
        "formats_of_the_output",
        {"a.csv": CSV_TO_OTHERS},
        *(f"a.csv -o b.{ending}" for ending in
          ("csv", "tsv", "jsonl", "ndjson", "parquet", "csv.gz", "tsv.zst", "jsonl.gz", "JSONL")),
        *(f"a.csv --output-format {name} --force" for name in ("csv", "tsv", "jsonl", "parquet")),
        "a.csv -o c.txt --output-format jsonl", "a.csv -o c.parquet --output-format csv",
        "a.csv -o d.txt", "a.csv -o d.parquet.gz", "a.csv --output-format xml",
    ),
)  # fmt: skip

MANY = (
    case("many_rows", {"a.csv": MANY_ROWS}, "a.csv --label-column label --report report.json"),
    case("many_lines", {"a.jsonl": lines_with_bad_ones(1500)},
         "a.jsonl --label-column label --report report.json --workers 2"),
    case("many_in_parquet", {"a.parquet": parquet_with_bad_ones(1500)},
         "a.parquet --label-column label --report report.json"),
    case("many_to_others", {"a.csv": MANY_ROWS, "a.parquet": parquet_with_bad_ones(1500)},
         "a.csv -o b.parquet", "a.csv -o b.jsonl.gz", "a.parquet -o c.csv.zst",
         "a.parquet -o c.jsonl"),
    case("long_texts",
         {"a.csv": csv_of([("text", "id"), (" ".join(many_texts(5000)), 1), (GOOD, 2),
                           (" ".join(many_texts(2000)), 3), ("a" * 100_000, 4)]),
          "a.jsonl": json_of({"text": "\n".join(many_texts(5000))}, {"text": BAD})},
         "a.csv", "a.jsonl", "a.csv -o b.jsonl"),
    case("open_quote_before_many", {"a.csv": b'text,id,label\n"open,1,0\n' + MANY_ROWS}, "a.csv"),
)  # fmt: skip

GOING_ON = (
    *(
        case(
            f"resume_{name}",
            {source: content},
            Call(f"{source} -o {output} --checkpoint-seconds {seconds}", most_bytes=size),
            f"{source} -o {output}",
            f"{source} -o {output} --resume --threshold 0.9",
            f"{source} -o {output} --resume --label-column label",
            f"{source} -o {output} --resume --report report.json",
        )
        for name, source, content, output, size, seconds in (
            ("csv", "a.csv", MANY_ROWS, "b.csv", 60_000, 0),
            ("csv_gz", "a.csv.gz", gz(MANY_ROWS), "b.csv.gz", 10_000, 0),
            ("jsonl_zst", "a.jsonl.zst", zst(lines_with_bad_ones(1500)), "b.jsonl.zst", 10_000, 0),
            ("parquet", "a.parquet", parquet_with_bad_ones(1500), "b.parquet", 10_000, 0),
            ("csv_to_parquet", "a.csv", MANY_ROWS, "b.parquet", 10_000, 0),
        )
    ),
    case(
        "resume_several_files",
        {"data/a.csv": CSV, "data/b.csv": b'"text', "data/c.jsonl": JSON},
        "data -o out --report report.json", "data -o out",
        Call("data -o out --resume --report report.json", before={"data/b.csv": BROKEN_CSV}),
        "data -o out --resume --skip-existing", "data -o out --force",
    ),
)  # fmt: skip

STREAMS = (
    case(
        "standard_input",
        {},
        Call("- --format csv", CSV), Call("- --format jsonl", JSON),
        Call("- --format tsv -o b.csv", b"text\tid\ngood\t1\n"),
        Call("- --format csv -o b.parquet", BROKEN_CSV),
        Call("- --format jsonl -o b.jsonl.gz", JSON),
        Call("- --format csv --on-error stop", BROKEN_CSV), Call("- --format csv", BROKEN_CSV),
        Call("- --format csv", CSV), Call("- --format csv --report report.json --force", MANY_ROWS),
        Call("- --format csv --encoding latin-1 --force", b"text\n\xe9t\xe9\n"),
    ),
    case(
        "standard_output",
        {"a.csv": BROKEN_CSV, "b.jsonl": JSON, "c.csv.gz": gz(CSV),
         "d.parquet": parquet_of(EVERY_KIND)},
        "a.csv -o -", "b.jsonl -o - --output-format csv", "c.csv.gz -o -",
        "d.parquet -o - --output-format jsonl", "d.parquet -o -", "b.jsonl -o - --resume",
        "a.csv -o - --rejected r.jsonl --workers 2 -q",
    ),
)  # fmt: skip

FOLDER: Files = {
    "data/a.csv": CSV, "data/inner/b.jsonl": BROKEN_JSON_TO_OTHERS,
    "data/inner/a.csv": CSV.replace(b"superb", b"bad"),
    "data/notes.txt": b"no review", "data/.hidden.csv": CSV, "data/_SUCCESS": b"",
    "data/inner/c.tsv.gz": gz(b"text\tid\ngood\t1\n"),
    "data/inner/d.parquet": parquet_of({"text": [GOOD]}),
}  # fmt: skip
SEVERAL = (
    case(
        "folder",
        FOLDER,
        "data -o out --report report.json", "data -o out", "data -o out --force",
        "data -o out2 --output-format jsonl", "data -o data/within", "data", "data -o -",
        "data -o data/a.csv", "data -o out3 --rejected r.jsonl", "data/inner -o data --force",
    ),
    case(
        "several_files",
        FOLDER,
        "data/a.csv data/inner/b.jsonl data/inner/d.parquet -o out --report report.json",
        "data/a.csv data/inner/a.csv -o out2", "data/a.csv data/inner/b.jsonl",
        "data/a.csv ./data/a.csv -o one.csv", "data/a.csv -o new.csv/",
        "data/a.csv data/none.csv data/notes.txt -o out3 --report out3.report.json",
        "data/none.csv data/notes.txt -o out4 --report out4.report.json",
    ),
)  # fmt: skip


def _reviews(count: int) -> Files:
    """The first reviews of the IMDB test set."""
    file = pq.ParquetFile(shared_data("imdb") / "test.parquet")
    batch = next(file.iter_batches(count))
    return {"a.parquet": parquet_of(pa.Table.from_batches([batch]), row_group_size=700)}


def _torture() -> Files:
    root = shared_data("torture")
    naughty = json.loads((root / "naughty_strings.json").read_text(encoding="utf-8"))
    values = [
        path.read_bytes().replace(b"\n", b" ").replace(b"\r", b" ").strip()
        for path in sorted((root / "JSONTestSuite" / "test_parsing").glob("*.json"))
    ]
    first = b'{"text": "a fine film", "x": 1}\n'
    return {
        "data/naughty.csv": csv_of([("text", "x"), *((text, text) for text in naughty)]),
        "data/naughty_too.jsonl": json_of(*({"text": text, "x": text} for text in naughty)),
        "data/bare.jsonl": first + b"\n".join(values),
        "data/values.jsonl": first + b"\n".join(b'{"text": "a", "x": %b}' % v for v in values),
        "data/texts.jsonl": first + b"\n".join(b'{"text": %b}' % v for v in values),
        **{
            f"spectrum/{path.name}": path.read_bytes()
            for path in sorted((root / "csv-spectrum" / "csvs").glob("*.csv"))
        },
    }


REAL = (
    *(
        case(
            f"real_reviews_{model}",
            lambda: _reviews(2000),
            f"a.parquet -m {model} --label-column label --report report.json -o b.csv",
            f"a.parquet -m {model} -o b.jsonl",
            f"a.parquet -m {model} -o b.parquet",
        )
        for model in ("ngram-cnn", "ngram-linear", "conv1d")
    ),
    case(
        "real_reviews_from_text",
        lambda: _reviews(2000),
        "a.parquet -o a.csv", "a.parquet -o a.jsonl", "a.csv -o b.csv --names sentiment=s "
        "--names probability=p --workers 2", "a.jsonl -o b.jsonl --names sentiment=s "
        "--names probability=p --workers 1",
    ),
    case(
        "torture",
        _torture,
        "data -o out --report report.json", "data -o csv --output-format csv",
        "data -o parquet --output-format parquet",
        "spectrum -o out2 --no-header --text-column 1",
        "spectrum -o out3 --no-header --text-column 2 --output-format jsonl",
    ),
)  # fmt: skip

CASES = (
    *READING, *PACKED, *JSON_LINES, *PARQUET, *OPTIONS, *MANY, *GOING_ON, *STREAMS, *SEVERAL, *REAL,
)  # fmt: skip
