"""python joint.py KIND H EPOCHS [pairs|wo] [aug] [neutral] [experts] [frac=] : one network for all reviews."""
import sys,pickle,time,os
import numpy as np
os.environ["TF_CPP_MIN_LOG_LEVEL"]="3"; os.environ["KERAS_BACKEND"]="tensorflow"
import tensorflow as tf,keras
tf.get_logger().setLevel("ERROR")
n=int(os.environ.get("THREADS","1")); tf.config.threading.set_intra_op_parallelism_threads(n); tf.config.threading.set_inter_op_parallelism_threads(1)
kind,H,epochs=sys.argv[1],int(sys.argv[2]),int(sys.argv[3]); opts=set(sys.argv[4:]); g=lambda k,d: next((type(d)(o.split("=")[1]) for o in opts if o.startswith(k+"=")),d)
C=g("C",H); drop=g("drop",.1); wd=g("wd",.1); lr=g("lr",3e-3); seed=g("seed",0); fd=g("fd",.2); frac=g("frac",1.0); E=g("E",1); hid=g("hid",32)
rng=np.random.default_rng(seed); keras.utils.set_random_seed(seed)
import prep2, composed
Z=np.load("all.npz"); words=Z["words"].tolist(); ix={w:i+4 for i,w in enumerate(words)}; size=len(words)+4
slots=Z["slots"]; vals,prow,ln=Z["vals"],Z["rows"],Z["ln"]; st=np.cumsum(ln); sa=st-ln
from toolkit.networks.bigrams import rows_of,keys_of
y=Z["y"]; known=Z["known"]; film=Z["film"]; kinds=Z["kind"]; nl=int(Z["labelled"])
tid=np.arange(size)
if "tie" in opts:
    for k,ws in composed.IDENT.items():
        for w_ in ws:
            if w_ in ix: tid[ix[w_]]=2
def ids(t): return np.array([1]+[ix.get(w,2) for w in prep2.tok(t)],np.int32)[-512:]
def prs(a): return rows_of(keys_of(np.concatenate([[0],a[:-1]]).astype(np.int32),a,size),slots)
# weights
ks,ki=np.unique(kinds[:nl],return_inverse=True); hard=(y[:nl]>.5).astype(int); cell=ki*2+hard; incell=np.bincount(cell,minlength=2*len(ks)); sizes=np.bincount(ki)
wt=sizes[ki]**.5/incell[cell]; wt/=wt.mean(); wt=np.minimum(wt,5); wt/=wt.mean(); wt=np.where(known[:nl],1,1.9)*wt
w=np.concatenate([wt,np.minimum(ln[nl:]/15,1)]).astype(np.float32)
keep=np.arange(len(ln)); keep=keep[ln>1]
if frac<1: keep=np.sort(rng.choice(keep,int(frac*len(keep)),replace=False))
X=[vals[sa[i]:st[i]] for i in keep]; P=[prow[sa[i]:st[i]] for i in keep]; Y=y[keep]; W=w[keep]; F=film[keep]
TT=pickle.load(open("all_texts.pkl","rb")); vat=TT["texts"]; trt=TT["train"]
sh=[i for i in range(nl) if 4<=ln[i]<=15]; cl=([trt[i] for i in sh if y[i]<.2],[trt[i] for i in sh if y[i]>.8])
L=[]
if "aug" in opts: L+=composed.make(g("nau",100000),seed+1,"train",cl)
if "neutral" in opts: L+=composed.neutral(8000,seed)
for t,p,_ in L:
    a=ids(t); X.append(a); P.append(prs(a))
if L: Y=np.concatenate([Y,np.array([p for _,p,_ in L],np.float32)]); W=np.concatenate([W,np.full(len(L),.8,np.float32)]); F=np.concatenate([F,rng.random(len(L))<.3])
if "tie" in opts: X=[tid[a].astype(np.int32) for a in X]; P=[prs(a) for a in X]
vln=Z["vln"]; vst=np.cumsum(vln); vv,vr=Z["vvals"],Z["vrows"]; V=[vv[b-l:b] for l,b in zip(vln,vst)]; VP=[vr[b-l:b] for l,b in zip(vln,vst)]; VY=Z["vy"]; VD=Z["vdom"]
if "tie" in opts: V=[tid[a].astype(np.int32) for a in V]; VP=[prs(a) for a in V]
vs=[i for i in range(len(V)) if 4<=vln[i]<=15]; vcl=([vat[i] for i in vs if VY[i]==0],[vat[i] for i in vs if VY[i]==1])
dev=composed.make(4000,99,"dev",vcl)
nz=lambda v:(v/v[np.any(v!=0,1)].std()*.1).astype(np.float32)
wv,pv=nz(Z["wv"]),nz(Z["pv"])
def wid(m): return (m+7)//8*8 if m<=32 else (m+15)//16*16 if m<=96 else (m+47)//48*48
def pad(rows):
    m=wid(max(map(len,rows))); a=np.zeros((len(rows),m),np.int32)
    for i,r in enumerate(rows): a[i,-len(r):]=r
    return a
exec(open("scan.py").read())
class Net(keras.Model):
    def __init__(s):
        super().__init__()
        s.emb=keras.layers.Embedding(size,48,embeddings_initializer=keras.initializers.Constant(wv))
        s.pem=keras.layers.Embedding(len(pv),48,embeddings_initializer=keras.initializers.Constant(pv))
        s.drop=keras.layers.SpatialDropout1D(drop); s.fd=keras.layers.Dropout(fd)
        M=4*H if kind=="sru" else 3*H
        if kind!="pool":
            s.l=[keras.layers.Dense(M) for _ in range(2)]; s.lp=[keras.layers.Dense(M,use_bias=False) for _ in range(2)]
        gl=keras.initializers.GlorotUniform
        if kind!="sru":
            s.own=s.add_weight(shape=(E,48,C),initializer=gl()); s.ownp=s.add_weight(shape=(E,48,C),initializer=gl()); s.ob=s.add_weight(shape=(E,C),initializer="zeros")
        D=2*(2*H if kind=="sru" else C)
        s.hk=s.add_weight(shape=(E,D,hid),initializer=gl()); s.hb=s.add_weight(shape=(E,hid),initializer="zeros"); s.ok=s.add_weight(shape=(E,D+hid),initializer=keras.initializers.RandomNormal(stddev=.1)); s.obb=s.add_weight(shape=(E,),initializer="zeros")
    def call(s,inp,training=False):
        ids,pr,ex=inp; T=ids.shape[1]; m=tf.cast(ids>1,tf.float32)[...,None]; oh=tf.one_hot(ex,E)
        pick=lambda v: tf.reshape(oh@tf.reshape(v,[E,-1]),[-1]+list(v.shape[1:]))
        x=s.drop(s.emb(ids),training=training)*m; pm=tf.cast(pr>0,tf.float32)[...,None]*m
        p=s.drop(s.pem(pr),training=training)*pm
        cnt=tf.reduce_sum(m,1)+1.
        if kind!="sru": o=x@pick(s.own)+(p@pick(s.ownp)) + pick(s.ob)[:,None]
        if kind=="pool": y=[tf.nn.relu(o)*m]
        else:
            outs=[]
            for d,dp,rev in zip(s.l,s.lp,(False,True)):
                q=d(x)+(dp(p) if "wo" not in opts else 0)
                parts=tf.split(q,4 if kind=="sru" else 3,-1); z,f,oo=parts[:3]
                f=tf.sigmoid(f+1.)*m+(1-m); z=tf.tanh(z)*(1-f)*m
                h=scan(f,z,rev,T); outs.append(oo*shift(h,rev)+(parts[3] if kind=="sru" else 0))
            if kind=="sru": y=[tf.nn.relu(v)*m for v in outs]
            else: y=[tf.nn.relu(o+outs[0]+outs[1])*m]
        y=tf.concat(y,-1)
        q=tf.concat([tf.reduce_max(y,1),tf.reduce_sum(y,1)/(4*tf.sqrt(cnt))],-1)
        q=s.fd(q,training=training)
        h=tf.nn.relu(tf.einsum("bf,bfh->bh",q,pick(s.hk))+pick(s.hb))
        return tf.reduce_sum(tf.concat([q,h],-1)*pick(s.ok),-1)+tf.linalg.matvec(oh,s.obb[None])[:,0] if E==1 else tf.reduce_sum(tf.concat([q,h],-1)*pick(s.ok),-1)+tf.reduce_sum(oh*s.obb,-1)
M=Net(); z=tf.zeros((2,48),tf.int32)+5; M((z,z,tf.zeros(2,tf.int32)))
B=192; nb=len(X)//B; opt=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.,nb*epochs-100,warmup_target=lr,warmup_steps=100)); opt.build(M.trainable_variables)
@tf.function(reduce_retracing=False)
def step(a,b,ex,yy,ww):
    with tf.GradientTape() as t:
        z=M((a,b,ex),training=True); l=tf.reduce_mean(ww*tf.nn.sigmoid_cross_entropy_with_logits(yy,z))
    gr=t.gradient(l,M.trainable_variables); gr,_=tf.clip_by_global_norm(gr,1.); opt.apply_gradients(zip(gr,M.trainable_variables)); return l
fwd=tf.function(lambda a,b,e:M((a,b,e),training=False))
def expert(f): return np.asarray(f).astype(np.int32) if E>1 else np.zeros(len(f),np.int32)
def logits(R,Q,f):
    z=np.zeros(len(R)); o=np.argsort([len(r) for r in R]); f=np.asarray(f)
    for k in range(0,len(o),256): j=o[k:k+256]; z[j]=fwd(tf.constant(pad([R[i] for i in j])),tf.constant(pad([Q[i] for i in j])),tf.constant(expert(f[j]))).numpy()
    return z
def bal(z,y): return 50*((z[y==1]>0).mean()+(z[y==0]<=0).mean())
def ll(z,y): return np.mean(np.log1p(np.exp(-np.where(y==1,z,-z))))
L2=np.array([len(x) for x in X]); t0=time.time(); print("JOINT",kind,H,"C",C,sorted(opts),len(X),flush=True)
dr=[ids(t) for t,_,_ in dev]; dr=[tid[a].astype(np.int32) for a in dr] if "tie" in opts else dr; dp_=[prs(a) for a in dr]
def macro(z,m): return np.mean([bal(z[m&(VD==d)],VY[m&(VD==d)]) for d in np.unique(VD) if d!="films" and min((VY[m&(VD==d)]==1).sum(),(VY[m&(VD==d)]==0).sum())>=20])
neg=np.array([len(t.split())<=40 and any(w in ("not","no","never","nothing") or w.endswith("n't") for w in prep2.tok(t)) for t in vat])
for e in range(epochs):
    order=np.argsort(np.log(L2)+rng.normal(0,.1,len(L2)),kind="stable"); stt=np.arange(0,len(order)-B+1,B); rng.shuffle(stt); tot=0
    for k in stt:
        b=order[k:k+B]; a=pad([X[j] for j in b]); q=pad([P[j] for j in b])
        a=np.where((a>3)&(rng.random(a.shape)<wd),2,a).astype(np.int32); q=np.where(rng.random(q.shape)<wd,0,q).astype(np.int32)
        tot+=float(step(tf.constant(a),tf.constant(q),tf.constant(expert(F[b])),tf.constant(Y[b]),tf.constant(W[b])))
    z=logits(V,VP,VD=="films"); f=VD=="films"; short=vln<41
    d=logits(dr,dp_,np.zeros(len(dr),bool)); ok=(d>0)==np.array([p>.5 for _,p,_ in dev]); ph=np.array([k for _,_,k in dev])
    sp=[];dist=[]
    for k,ws in composed.IDENT.items():
        for c in composed.CARRIER:
            R=[ids(c.format(x)) for x in ws]; R=[tid[a].astype(np.int32) for a in R] if "tie" in opts else R
            p=1/(1+np.exp(-logits(R,[prs(a) for a in R],np.zeros(len(R),bool)))); sp.append(p.max()-p.min()); dist+=list(abs(p-.5))
    print(f"{kind}{H} {sorted(opts)} epoch {e+1} loss {tot/len(stt):.4f} {time.time()-t0:.0f}s | macro {macro(z,~f):.2f} ll {ll(z[~f],VY[~f]):.4f} films {bal(z[f],VY[f]):.2f} ll {ll(z[f],VY[f]):.4f} | short {macro(z,short):.2f} {ll(z[short&~f],VY[short&~f]):.4f} long {macro(z,~short):.2f} {ll(z[~short&~f],VY[~short&~f]):.4f} neg {bal(z[neg],VY[neg]):.2f} | dev {100*ok.mean():.1f} spread {np.mean(sp):.3f} far {100*np.mean(np.array(sp)>.1):.0f}% dist {np.mean(dist):.2f}\n   "+" ".join(f"{k} {100*ok[ph==k].mean():.0f}" for k in composed.T),flush=True)
if "save" in opts: pickle.dump([v.numpy() for v in M.trainable_variables],open(f"joint_{kind}{H}_{seed}.w","wb"))
