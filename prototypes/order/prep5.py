import numpy as np, pyarrow.parquet as pq, time, pickle
import prep2
from prep2 import tok
from toolkit.training import fingerprint
from toolkit.text.token_ids import TokenIds
from toolkit.networks.bigrams import Bigrams
from toolkit.training.fit_ngrams import word_and_bigram_vectors
import composed
t0=time.time()
D=pickle.load(open("p1.pkl","rb")); words=D["words"]; ix={w:i+4 for i,w in enumerate(words)}; size=len(ix)+4
tr = pq.read_table("runs/shipped/train.parquet"); va = pq.read_table("runs/shipped/validation.parquet")
un = pq.read_table("runs/shipped/unlabelled.parquet"); te = pq.read_table("runs/shipped/teacher.parquet")
prob = dict(zip(te[0].to_pylist(), te[1].to_pylist()))
def ids(t): return np.array([1]+[ix.get(w,2) for w in tok(t)],np.int32)[-512:]
trt=tr["text"].to_pylist(); unt=un["text"].to_pylist(); vat=va["text"].to_pylist()
films=set(pq.read_table("shared/imdb/unlabelled.parquet",columns=["text"])["text"].to_pylist())
R=[ids(t) for t in trt]+[ids(t) for t in unt]
lab=np.array([float(x) for x in tr["label"].to_pylist()]); q=np.array([prob.get(fingerprint(t),np.nan) for t in trt])
y=np.concatenate([np.where(np.isnan(q),lab,.5*lab+.5*q),[prob[fingerprint(t)] for t in unt]]).astype(np.float32)
known=np.concatenate([~np.isnan(q),np.ones(len(unt),bool)])
kind=tr["kind"].to_pylist()+["unlabelled"]*len(unt); film=np.array([d=="films" for d in tr["domain"].to_pylist()]+[t in films for t in unt])
print(len(R),time.time()-t0,flush=True)
ln=np.array([len(r) for r in R]); st=np.cumsum(ln); T=TokenIds(np.concatenate(R),st-ln,st)
B=Bigrams.build(T,size,200_000); rows=B.rows(T); print("pairs",len(B),time.time()-t0,flush=True)
wv,pv=word_and_bigram_vectors(T,rows,(size,len(B)),64,0); print("vectors",time.time()-t0,flush=True)
vl=va["label"].to_pylist(); kv=[i for i in range(len(vat)) if vl[i] in ("0","1")]
VR=[ids(vat[i]) for i in kv]; vln=np.array([len(r) for r in VR]); vst=np.cumsum(vln); VT=TokenIds(np.concatenate(VR),vst-vln,vst)
np.savez("all.npz",vals=T.values,rows=rows,ln=ln,y=y,known=known,film=film,kind=np.array(kind),labelled=len(trt),keys=B.keys,slots=B.slots,wv=wv[:,:48],pv=pv[:,:48],
  vvals=VT.values,vrows=B.rows(VT),vln=vln,vy=np.array([int(vl[i]) for i in kv]),vdom=np.array([va["domain"][i].as_py() for i in kv]),words=np.array(words))
pickle.dump(dict(texts=[vat[i] for i in kv],train=trt),open("all_texts.pkl","wb"))
print("saved",time.time()-t0)
