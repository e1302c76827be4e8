"""python films.py KIND H EPOCHS [pairs] : film reviews alone."""
import sys,pickle,time,os
import numpy as np
os.environ["TF_CPP_MIN_LOG_LEVEL"]="3"; os.environ["KERAS_BACKEND"]="tensorflow"
import tensorflow as tf,keras
n=int(os.environ.get("THREADS","1")); tf.config.threading.set_intra_op_parallelism_threads(n); tf.config.threading.set_inter_op_parallelism_threads(1)
kind,H,epochs=sys.argv[1],int(sys.argv[2]),int(sys.argv[3]); opts=set(sys.argv[4:]); g=lambda k,d: next((type(d)(o.split("=")[1]) for o in opts if o.startswith(k+"=")),d)
pairs="pairs" in opts; drop=g("drop",.1); wd=g("wd",.1); lr=g("lr",3e-3); seed=g("seed",0); fd=g("fd",.2)
rng=np.random.default_rng(seed); keras.utils.set_random_seed(seed)
D=pickle.load(open("films.pkl","rb")); X,P,Y=D["x"],D["p"],D["y"]; lab=D["lab"]
w=np.where(lab==1,1.,1.).astype(np.float32)
nz=lambda v:(v[:,:48]/v[:,:48][np.any(v!=0,1)].std()*.1).astype(np.float32)
wv,pv=nz(D["wv"]),nz(D["pv"])
def pad(rows):
    m=(max(map(len,rows))+47)//48*48; a=np.zeros((len(rows),m),np.int32)
    for i,r in enumerate(rows): a[i,-len(r):]=r
    return a
exec(open("scan.py").read())
class Net(keras.Model):
    def __init__(s):
        super().__init__()
        s.emb=keras.layers.Embedding(len(wv),48,embeddings_initializer=keras.initializers.Constant(wv))
        if pairs: s.pem=keras.layers.Embedding(len(pv),48,embeddings_initializer=keras.initializers.Constant(pv)); 
        s.drop=keras.layers.SpatialDropout1D(drop); s.fd=keras.layers.Dropout(fd)
        s.hid=keras.layers.Dense(32,activation="relu"); s.out=keras.layers.Dense(1)
        W=4*H if kind=="sru" else 3*H
        if kind!="pool":
            s.l=[keras.layers.Dense(W) for _ in range(2)]; s.lp=[keras.layers.Dense(W,use_bias=False) for _ in range(2)]
        s.own=keras.layers.Dense(H); s.ownp=keras.layers.Dense(H,use_bias=False)
    def call(s,inp,training=False):
        ids,pr=inp; T=ids.shape[1]; m=tf.cast(ids>1,tf.float32)[...,None]
        x=s.drop(s.emb(ids),training=training)*m; pm=tf.cast(pr>0,tf.float32)[...,None]
        p=s.drop(s.pem(pr),training=training)*pm if pairs else None
        cnt=tf.reduce_sum(m,1)+1.
        if kind=="pool":
            o=s.own(x)+(s.ownp(p) if pairs else 0); y=[tf.nn.relu(o)*m]
        else:
            outs=[]
            for d,dp,rev in zip(s.l,s.lp,(False,True)):
                q=d(x)+(dp(p) if pairs and "wo" not in opts else 0)
                parts=tf.split(q,4 if kind=="sru" else 3,-1)
                z,f,o=parts[:3]
                f=tf.sigmoid(f+1.)*m+(1-m); z=tf.tanh(z)*(1-f)*m
                h=scan(f,z,rev,T); outs.append(o*shift(h,rev)+(parts[3] if kind=="sru" else 0))
            if kind=="sru": y=[tf.nn.relu(o)*m for o in outs]
            else: y=[tf.nn.relu(s.own(x)+(s.ownp(p) if pairs else 0)+outs[0]+outs[1])*m]
        y=tf.concat(y,-1)
        q=tf.concat([tf.reduce_max(y,1),tf.reduce_sum(y,1)/(4*tf.sqrt(cnt))],-1)
        q=s.fd(q,training=training)
        return s.out(tf.concat([q,s.hid(q)],-1))[:,0]
M=Net(); z=tf.zeros((2,48),tf.int32)+5; M((z,z))
B=128; nb=len(X)//B; opt=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.,nb*epochs-100,warmup_target=lr,warmup_steps=100)); opt.build(M.trainable_variables)
@tf.function
def step(a,b,yy,ww):
    with tf.GradientTape() as t:
        z=M((a,b),training=True); l=tf.reduce_mean(ww*tf.nn.sigmoid_cross_entropy_with_logits(yy,z))
    gr=t.gradient(l,M.trainable_variables); gr,_=tf.clip_by_global_norm(gr,1.); opt.apply_gradients(zip(gr,M.trainable_variables)); return l
fwd=tf.function(lambda a,b:M((a,b),training=False))
def logits(R,Q):
    z=np.zeros(len(R)); o=np.argsort([len(r) for r in R])
    for k in range(0,len(o),256): j=o[k:k+256]; z[j]=fwd(tf.constant(pad([R[i] for i in j])),tf.constant(pad([Q[i] for i in j]))).numpy()
    return z
ln=np.array([len(r) for r in X]); t0=time.time(); print(kind,H,opts,len(X),flush=True)
for e in range(epochs):
    order=np.argsort(np.log(ln)+rng.normal(0,.1,len(ln)),kind="stable"); st=np.arange(0,len(order)-B+1,B); rng.shuffle(st); tot=0
    for k in st:
        b=order[k:k+B]; a=pad([X[j] for j in b]); q=pad([P[j] for j in b])
        a=np.where((a>3)&(rng.random(a.shape)<wd),2,a).astype(np.int32); q=np.where(rng.random(q.shape)<wd,0,q).astype(np.int32)
        tot+=float(step(tf.constant(a),tf.constant(q),tf.constant(Y[b]),tf.constant(w[b])))
    z=logits(D["v"],D["vp"]); y=D["vy"]; best=min((np.mean(np.log1p(np.exp(-np.where(y==1,c*z,-c*z)))),c) for c in np.arange(.6,1.6,.05))
    print(f"{kind}{H} {sorted(opts)} epoch {e+1} loss {tot/len(st):.4f} {time.time()-t0:.0f}s acc {100*((z>0)==(y==1)).mean():.2f} ll {np.mean(np.log1p(np.exp(-np.where(y==1,z,-z)))):.4f} scaled {best[0]:.4f} ({best[1]:.2f})",flush=True)
