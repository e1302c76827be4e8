"""python train.py DATA.pkl KIND H EPOCHS [aug] [neutral] [frac=0.5] — prints dev figures."""
import sys, pickle, time, re, collections, os
import numpy as np
os.environ["TF_CPP_MIN_LOG_LEVEL"]="3"; os.environ["KERAS_BACKEND"]="tensorflow"
import tensorflow as tf, keras
tf.config.threading.set_intra_op_parallelism_threads(int(os.environ.get("THREADS","1"))); tf.config.threading.set_inter_op_parallelism_threads(1)
data, kind, H, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]); opts=set(sys.argv[5:])
frac=next((float(o[5:]) for o in opts if o.startswith("frac=")),1.0); seed=next((int(o[5:]) for o in opts if o.startswith("seed=")),0)
rng=np.random.default_rng(seed); keras.utils.set_random_seed(seed)
import prep2; prep2.PUNCT = data.endswith("p1.pkl")
if not prep2.PUNCT: prep2.tok_re=re.compile(r"[^\W_]+(?:'[^\W_]+)*|[\u2600-\u27bf\U0001f300-\U0001faff]")
import composed
D=pickle.load(open(data,"rb")); words=D["words"]; ix={w:i+4 for i,w in enumerate(words)}
tied=set(w for k,ws in composed.IDENT.items() if k not in("gender","age","colour","orientation") or True for w in ws)
if "tie" in opts:
    tid=np.arange(len(words)+4); 
    for w in tied:
        if w in ix: tid[ix[w]]=2
else: tid=None
def ids(t):
    a=np.array([ix.get(w,2) for w in prep2.tok(t)] or [2],np.int32)[-64:]
    return tid[a].astype(np.int32) if tid is not None else a
X=D["x"]; Y=D["y"]; kinds=np.array(D["kind"])
if tid is not None: X=[tid[a].astype(np.int32) for a in X]
n=len(X); keep=np.arange(n)
if frac<1: keep=np.sort(rng.choice(n,int(frac*n),replace=False))
X=[X[i] for i in keep]; Y=Y[keep]; kinds=kinds[keep]
# weights: balance kind and label, sqrt of size
w=np.ones(len(Y),np.float32); ks,ki=np.unique(kinds,return_inverse=True); cnt=np.bincount(ki)
lab=keep<D["labelled"]
for k in range(len(ks)):
    m=ki==k
    if ks[k]=="unlabelled": w[m]=.35; continue
    pos=Y[m].sum(); neg=m.sum()-pos
    ww=np.where(True,Y[m]/max(pos,20)+(1-Y[m])/max(neg,20),0)*np.sqrt(m.sum())/2
    w[m]=ww
w[lab]/=w[lab].mean()
texts=[D["text"][i] for i in keep]
short=[i for i in range(len(texts)) if lab[i] and 3<=len(X[i])<=14 and (Y[i]>.85 or Y[i]<.15)]
cl=([texts[i] for i in short if Y[i]<.5],[texts[i] for i in short if Y[i]>.5])
L=[]
if "aug" in opts:
    na=next((int(o[4:]) for o in opts if o.startswith("nau=")),100000)
    L+=composed.make(na,seed+1,"train",cl)
if "neutral" in opts: L+=composed.neutral(8000,seed)
if L:
    X+=[ids(t) for t,_,_ in L]; Y=np.concatenate([Y,np.array([p for _,p,_ in L],np.float32)]); w=np.concatenate([w,np.full(len(L),.8,np.float32)])
vshort=[i for i in range(len(D["vx"])) if 3<=len(D["vx"][i])<=14]
vcl=([D["vtext"][i] for i in vshort if D["vy"][i]==0],[D["vtext"][i] for i in vshort if D["vy"][i]==1])
dev=composed.make(6000,99,"dev",vcl); devsame=composed.make(3000,98,"train",vcl)
VX=[tid[a].astype(np.int32) for a in D["vx"]] if tid is not None else D["vx"]; VY=D["vy"]; VD=np.array(D["vdomain"])
def pad(rows):
    m=max(8,(max(map(len,rows))+7)//8*8); a=np.zeros((len(rows),m),np.int32)
    for i,r in enumerate(rows): a[i,-len(r):]=r
    return a
vec=D["vec"][:,:48].copy(); dv=vec[np.any(vec!=0,1)].std(); vec=vec/dv*.1
V=len(vec)
def scan(f,z,reverse,T):
    """h_t = f_t h_{t-1} + z_t by doubling, along axis 1."""
    s=1
    while s<T:
        if not reverse:
            fp=tf.pad(f[:,:-s],[[0,0],[s,0],[0,0]],constant_values=1.) if s<T else f
            zp=tf.pad(z[:,:-s],[[0,0],[s,0],[0,0]])
        else:
            fp=tf.pad(f[:,s:],[[0,0],[0,s],[0,0]],constant_values=1.)
            zp=tf.pad(z[:,s:],[[0,0],[0,s],[0,0]])
        z=z+f*zp; f=f*fp; s*=2
    return z
def shift(h,reverse): return tf.pad(h[:,1:],[[0,0],[0,1],[0,0]]) if reverse else tf.pad(h[:,:-1],[[0,0],[1,0],[0,0]])
class Net(keras.Model):
    def __init__(s):
        super().__init__()
        s.emb=keras.layers.Embedding(V,48,embeddings_initializer=keras.initializers.Constant(vec))
        s.drop=keras.layers.SpatialDropout1D(.1); s.fd=keras.layers.Dropout(.2)
        s.hid=keras.layers.Dense(32,activation="relu"); s.out=keras.layers.Dense(1)
        k=kind
        if k=="pool": s.k1=keras.layers.Dense(H); s.k2=keras.layers.Dense(H,use_bias=False)
        if k.startswith("gru"):
            n=2 if k=="gru2" else 1
            s.g=[keras.layers.Bidirectional(keras.layers.GRU(H,return_sequences=True)) for _ in range(n)]
        if k.startswith("sru"):
            n=2 if k.startswith("sru2") else 1
            s.l=[[keras.layers.Dense((3 if "a" in k else 4)*H) for _ in range(2)] for _ in range(n)]
            s.own=keras.layers.Dense(H)
        if k.startswith("mix"):   # pool + sru memory
            s.own=keras.layers.Dense(H); s.l=[[keras.layers.Dense(4*H) for _ in range(2)]]
        if k=="cnn": s.c=[keras.layers.Conv1D(2*H,3,padding="same",dilation_rate=d) for d in (1,2,4)]
    def sru(s,x,m,layer,T):
        outs=[]
        for rev,d in ((False,layer[0]),(True,layer[1])):
            p=d(x); z,f,o,a=tf.split(p,4,-1)
            f=tf.sigmoid(f+1.)*m+(1-m); z=tf.tanh(z)*(1-f)*m
            h=scan(f,z,rev,T)
            outs.append((a+o*shift(h,rev))*m if "v" not in kind else (tf.sigmoid(o)*h)*m)
        return outs
    def call(s,ids,training=False):
        T=ids.shape[1]; m=tf.cast(ids>1,tf.float32)[...,None]
        x=s.drop(s.emb(ids),training=training)*m
        if kind=="pool":
            prev=shift(x,False); y=[tf.nn.relu(s.k1(x)+s.k2(prev))*m]
        elif kind.startswith("gru"):
            y=x
            for g in s.g: y=g(y,mask=ids>1,training=training)
            y=[y*m]
        elif kind.startswith("sru"):
            y=s.sru(x,m,s.l[0],T)
            for l in s.l[1:]:
                y=s.sru(tf.concat([tf.nn.relu(y[0]),tf.nn.relu(y[1]),x] if "x" in kind else [tf.nn.relu(y[0]),tf.nn.relu(y[1])],-1),m,l,T)
            y=[tf.nn.relu(v) for v in y]
        elif kind.startswith("mix"):
            a,b=s.sru(x,m,s.l[0],T); y=[tf.nn.relu(s.own(x)+a+b)*m]
        elif kind=="cnn":
            y=x
            for c in s.c: y=tf.nn.relu(c(y))*m
            y=[y]
        y=tf.concat(y,-1); cnt=tf.reduce_sum(m,1)+1.
        mx=tf.reduce_max(y-(1-m)*9. if kind.startswith("gru") else y,1)
        p=tf.concat([mx,tf.reduce_sum(y,1)/(4*tf.sqrt(cnt))],-1)
        p=s.fd(p,training=training)
        return s.out(tf.concat([p,s.hid(p)],-1))[:,0]
M=Net(); M(np.zeros((2,8),np.int32)+5)
B=256; nb=len(X)//B; opt=keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(3e-3,nb*epochs+10,2e-5)); opt.build(M.trainable_variables)
@tf.function(reduce_retracing=False)
def step(a,yy,ww):
    with tf.GradientTape() as g:
        z=M(a,training=True); l=tf.reduce_mean(ww*tf.nn.sigmoid_cross_entropy_with_logits(yy,z))
    gr=g.gradient(l,M.trainable_variables); gr,_=tf.clip_by_global_norm(gr,1.0); opt.apply_gradients(zip(gr,M.trainable_variables)); return l
fwd=tf.function(lambda a:M(a,training=False))
def logits(R):
    z=np.zeros(len(R)); o=np.argsort([len(r) for r in R])
    for k in range(0,len(o),1024): j=o[k:k+1024]; z[j]=fwd(tf.constant(pad([R[i] for i in j]))).numpy()
    return z
def bal(z,y): return 50*((z[y==1]>0).mean()+(z[y==0]<=0).mean())
def report(tag):
    z=logits(VX); ll=np.mean(np.log1p(np.exp(-np.where(VY==1,z,-z))))
    macro=np.mean([bal(z[VD==d],VY[VD==d]) for d in np.unique(VD) if min((VY[VD==d]==1).sum(),(VY[VD==d]==0).sum())>=20])
    negw=np.array([any(w in ("not","no","never","nothing") or w.endswith("n't") for w in (prep2.tok(t))) for t in D["vtext"]])
    s=f"{tag} macro {macro:.2f} all {bal(z,VY):.2f} ll {ll:.4f} neg {bal(z[negw],VY[negw]):.2f}"
    for name,dd in (("dev",dev),("same",devsame)):
        z=logits([ids(t) for t,_,_ in dd]); ok=(z>0)==np.array([p>.5 for _,p,_ in dd]); ph=np.array([k for _,_,k in dd])
        s+=f"\n   {name} {100*ok.mean():.1f}: "+" ".join(f"{k} {100*ok[ph==k].mean():.0f}" for k in composed.T)
    # fairness
    sp=[];dist=[]
    for k,ws in composed.IDENT.items():
        for c in composed.CARRIER:
            p=1/(1+np.exp(-logits([ids(c.format(x)) for x in ws]))); sp.append(p.max()-p.min()); dist+=list(abs(p-.5))
    s+=f"\n   spread {np.mean(sp):.3f} >0.1 {100*np.mean(np.array(sp)>.1):.0f}% dist {np.mean(dist):.2f}"
    print(s,flush=True)
ln=np.array([len(r) for r in X]); t0=time.time(); print(data,kind,H,opts,"texts",len(X),flush=True)
for e in range(epochs):
    order=rng.permutation(len(X)); bs=[]
    for c in range(0,len(order),B*64):
        ch=order[c:c+B*64]; ch=ch[np.argsort(ln[ch],kind="stable")]; bs+=[ch[i:i+B] for i in range(0,len(ch)-B+1,B)]
    rng.shuffle(bs); tot=0
    for b in bs:
        a=pad([X[j] for j in b]); a=np.where((a>3)&(rng.random(a.shape)<.08),2,a).astype(np.int32)
        tot+=float(step(tf.constant(a),tf.constant(Y[b].astype(np.float32)),tf.constant(w[b].astype(np.float32))))
    report(f"{kind}{H} {sorted(opts)} epoch {e+1} loss {tot/len(bs):.4f} {time.time()-t0:.0f}s")
if "save" in opts: pickle.dump([v.numpy() for v in M.trainable_variables],open(f"{kind}{H}.w","wb"))
