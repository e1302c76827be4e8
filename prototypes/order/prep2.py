"""Short texts (<= 64 tokens) with targets, as ids; start vectors from all texts."""
import re, html, sys, collections, time, pickle
import numpy as np, pyarrow.parquet as pq
from toolkit.training import fingerprint
PUNCT, OUT = (int(sys.argv[1]), sys.argv[2]) if __name__ == "__main__" else (1, "")
TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,80}>")
APOS = str.maketrans({"’": "'", "‘": "'", "´": "'", "`": "'"})
MARKS = ".,;:!?…" if PUNCT else ""
tok_re = re.compile((r"[^\W_]+(?:'[^\W_]+)*" + (r"|\.{2,}|([.,;:!?…])\1*" if PUNCT else "") + r"|[\u2600-\u27bf\U0001f300-\U0001faff]"))
def tok(t):
    t = TAG.sub(" ", html.unescape(t) if "&" in t else t).translate(APOS).lower()
    out = []
    for m in tok_re.finditer(t):
        w = m[0]
        if w[0] in ".,;:!?…": w = "…" if w[0] == "…" or (w[0] == "." and len(w) > 1) else w[0]
        out.append(w)
    return out
if __name__ == "__main__":
    t0 = time.time()
    tr = pq.read_table("runs/shipped/train.parquet"); va = pq.read_table("runs/shipped/validation.parquet")
    un = pq.read_table("runs/shipped/unlabelled.parquet"); te = pq.read_table("runs/shipped/teacher.parquet")
    print(tr.schema.names, len(tr), va.schema.names, len(va), len(un), len(te), flush=True)
    prob = dict(zip(te[0].to_pylist(), te[1].to_pylist()))
    def rows(texts): return [tok(x) for x in texts]
    trt = tr["text"].to_pylist(); unt = un["text"].to_pylist(); vat = va["text"].to_pylist()
    T = rows(trt); U = rows(unt); V = rows(vat); print("tokenized", time.time() - t0, flush=True)
    cnt = collections.Counter()
    for r in T: cnt.update(set(r))
    for r in U: cnt.update(set(r))
    words = [w for w, c in cnt.most_common(29996) if c >= 3]; ix = {w: i + 4 for i, w in enumerate(words)}
    def ids(rs): return [np.array([ix.get(w, 2) for w in r], np.int32) for r in rs]
    T, U, V = ids(T), ids(U), ids(V)
    # start vectors
    from toolkit.text.token_ids import TokenIds
    from toolkit.training.fit_ngrams import context_counts, _ppmi, _finished, _SMOOTHING
    from sklearn.utils.extmath import randomized_svd
    allr = T + U
    vals = np.concatenate(allr); ln = np.array([len(r) for r in allr]); stops = np.cumsum(ln)
    tk = TokenIds(vals, stops - ln, stops)
    size = len(words) + 4
    c = context_counts(tk, vals, vals, size, before=1)
    ctx = np.asarray(c.sum(axis=0)).ravel() ** _SMOOTHING; ctx /= max(ctx.sum(), 1e-9)
    p = _ppmi(c, ctx); L, S, R = randomized_svd(p, 64, n_iter=2, random_state=0)
    vec = _finished(L * np.sqrt(S), 64); print("vectors", time.time() - t0, flush=True)
    lab = np.array([int(x) if x is not None else -1 for x in tr["label"].to_pylist()], np.float32)
    kinds = tr["kind"].to_pylist()
    out = dict(words=words, vec=vec)
    def pick(rs): return [i for i, r in enumerate(rs) if 1 <= len(r) <= 64]
    kt, ku = pick(T), pick(U)
    tgt = []; 
    for i in kt:
        q = prob.get(fingerprint(trt[i])); tgt.append(lab[i] if q is None else .5 * lab[i] + .5 * q)
    out["x"] = [T[i] for i in kt] + [U[i] for i in ku]
    out["y"] = np.array(tgt + [prob[fingerprint(unt[i])] for i in ku], np.float32)
    out["kind"] = [kinds[i] for i in kt] + ["unlabelled"] * len(ku)
    out["labelled"] = len(kt)
    out["text"] = [trt[i] for i in kt] + [unt[i] for i in ku]
    vl = va["label"].to_pylist()
    kv = [i for i in pick(V) if vl[i] in ("0", "1")]
    out["vx"] = [V[i] for i in kv]; out["vy"] = np.array([int(vl[i]) for i in kv]); out["vkind"] = [va["kind"][i].as_py() for i in kv]; out["vdomain"] = [va["domain"][i].as_py() for i in kv]; out["vtext"] = [vat[i] for i in kv]
    print(len(kt), len(ku), len(kv), time.time() - t0)
    pickle.dump(out, open(OUT, "wb"))
