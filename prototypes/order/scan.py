def scan(f,z,reverse,T):
    c=16 if T>32 else 8; n=T//c
    if reverse: f=f[:,::-1]; z=z[:,::-1]
    fs=tf.unstack(tf.reshape(f,[-1,n,c,f.shape[-1]]),axis=2); zs=tf.unstack(tf.reshape(z,[-1,n,c,z.shape[-1]]),axis=2)
    hs=[zs[0]]; ps=[fs[0]]
    for j in range(1,c): hs.append(fs[j]*hs[-1]+zs[j]); ps.append(fs[j]*ps[-1])
    if n>1:
        he=tf.unstack(hs[-1],axis=1); pe=tf.unstack(ps[-1],axis=1); C=[tf.zeros_like(he[0])]
        for i in range(n-1): C.append(pe[i]*C[-1]+he[i])
        C=tf.stack(C,1); hs=[h+p*C for h,p in zip(hs,ps)]
    h=tf.reshape(tf.stack(hs,2),[-1,T,z.shape[-1]])
    return h[:,::-1] if reverse else h
def shift(h,reverse): return tf.pad(h[:,1:],[[0,0],[0,1],[0,0]]) if reverse else tf.pad(h[:,:-1],[[0,0],[1,0],[0,0]])
