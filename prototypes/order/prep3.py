import pickle, numpy as np, pyarrow.parquet as pq, time
import prep2
from prep2 import tok
from toolkit.training import fingerprint
D=pickle.load(open("p1.pkl","rb")); ix={w:i+4 for i,w in enumerate(D["words"])}
rng=np.random.default_rng(0)
tr = pq.read_table("runs/shipped/train.parquet"); va = pq.read_table("runs/shipped/validation.parquet")
un = pq.read_table("runs/shipped/unlabelled.parquet"); te = pq.read_table("runs/shipped/teacher.parquet")
prob = dict(zip(te[0].to_pylist(), te[1].to_pylist()))
def ids(t): return np.array([ix.get(w,2) for w in tok(t)] or [2],np.int32)
trt=tr["text"].to_pylist(); lab=tr["label"].to_pylist(); kind=tr["kind"].to_pylist(); dom=tr["domain"].to_pylist()
nw=np.array([t.count(" ") for t in trt]); film=np.array([d=="films" for d in dom])
longo=np.flatnonzero((nw>55)&~film); longo=rng.choice(longo,min(70000,len(longo)),replace=False)
pick=np.concatenate([np.flatnonzero(film),longo])
X=[];Y=[];K=[];F=[]
for i in pick:
    a=ids(trt[i]); q=prob.get(fingerprint(trt[i])); l=float(lab[i])
    X.append(a[-400:]); Y.append(l if q is None else .5*l+.5*q); K.append(kind[i]); F.append(film[i])
unt=un["text"].to_pylist(); un_long=[i for i,t in enumerate(unt) if t.count(" ")>90]
for i in rng.choice(un_long,min(45000,len(un_long)),replace=False):
    X.append(ids(unt[i])[-400:]); Y.append(prob[fingerprint(unt[i])]); K.append("unlabelled"); F.append(False)
vt=va["text"].to_pylist(); vl=va["label"].to_pylist(); vd=va["domain"].to_pylist()
kv=[i for i in range(len(vt)) if vl[i] in ("0","1") and vt[i].count(" ")>=50]
out=dict(x=X,y=np.array(Y,np.float32),kind=K,vx=[ids(vt[i])[-400:] for i in kv],vy=np.array([int(vl[i]) for i in kv]),vdomain=[vd[i] for i in kv])
pickle.dump(out,open("long.pkl","wb")); print(len(X),len(kv),sum(F),np.mean([len(x) for x in X]))
