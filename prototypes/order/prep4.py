import pickle, numpy as np, pyarrow.parquet as pq, time
import prep2
from prep2 import tok
from toolkit.training import fingerprint
from toolkit.text.token_ids import TokenIds
from toolkit.networks.bigrams import Bigrams
from toolkit.training.fit_ngrams import word_and_bigram_vectors
t0=time.time()
D=pickle.load(open("p1.pkl","rb")); ix={w:i+4 for i,w in enumerate(D["words"])}
tr = pq.read_table("runs/shipped/train.parquet"); va = pq.read_table("runs/shipped/validation.parquet"); te = pq.read_table("runs/shipped/teacher.parquet")
prob = dict(zip(te[0].to_pylist(), te[1].to_pylist()))
def ids(t): return np.array([1]+[ix.get(w,2) for w in tok(t)],np.int32)[-512:]
def films(t): 
    m=[d=="films" for d in t["domain"].to_pylist()]; return t.filter(np.array(m))
a=films(tr); v=films(va); un=pq.read_table("shared/imdb/unlabelled.parquet",columns=["text"])["text"].to_pylist()
X=[];Y=[];L=[]
for t,l in zip(a["text"].to_pylist(),a["label"].to_pylist()):
    q=prob.get(fingerprint(t)); X.append(ids(t)); Y.append(float(l) if q is None else .5*l+.5*q); L.append(1)
for t in un:
    q=prob.get(fingerprint(t))
    if q is None: continue
    X.append(ids(t)); Y.append(q); L.append(0)
V=[];VY=[]
for t,l in zip(v["text"].to_pylist(),v["label"].to_pylist()):
    if l in ("0","1"): V.append(ids(t)); VY.append(int(l))
print(len(X),sum(L),len(V),time.time()-t0,flush=True)
def tk(R):
    ln=np.array([len(r) for r in R]); st=np.cumsum(ln); return TokenIds(np.concatenate(R),st-ln,st)
T=tk(X); size=len(ix)+4
B=Bigrams.build(T,size,100_000); rows=B.rows(T)
wv,pv=word_and_bigram_vectors(T,rows,(size,len(B)),64,0)
print(len(B),time.time()-t0,flush=True)
sp=lambda R,T,rows: np.split(rows,np.cumsum([len(r) for r in R])[:-1])
pickle.dump(dict(x=X,p=sp(X,T,rows),y=np.array(Y,np.float32),lab=np.array(L),v=V,vp=sp(V,None,B.rows(tk(V))),vy=np.array(VY),wv=wv,pv=pv),open("films.pkl","wb"))
