"""Composed sentences: A = word of the opinion that is not the writer's, B = of the writer's. `part`: train or dev templates."""
import numpy as np
GOOD="good great lovely excellent wonderful reliable friendly delicious brilliant superb fantastic pleasant helpful comfortable impressive charming perfect amazing nice clean fresh smooth quick solid gorgeous enjoyable polite beautiful fun clever tasty cosy stylish accurate relaxing responsive sturdy kind generous moving gripping funny entertaining useful bright elegant spotless warm".split()
BAD="bad awful terrible horrible boring broken rude dreadful disappointing poor useless dirty slow annoying mediocre unpleasant weak lousy dull noisy cheap ugly stale cold cramped confusing buggy flimsy painful unreliable tasteless overpriced tedious predictable messy filthy unhelpful clumsy bland greasy shabby laggy pathetic silly forgettable careless smelly".split()
GVERB="enjoy like love recommend trust admire appreciate".split()
BVERB="hate regret dislike dread avoid".split()
PROB="problems issues complaints faults bugs delays leaks stains scratches errors crashes surprises queues noise".split()
THING="film movie hotel room phone book app camera service food staff meal battery plot acting course flight product game concert bag shirt delivery support website driver cast breakfast laptop headphones pizza coffee bed sound story ending dress jacket shoes screen dentist clinic teacher school garage tour museum bar cafe pool keyboard speaker album series episode update".split()
WHO=["my wife","my husband","everybody","the reviews","my friends","the critics","my brother","a colleague","the ratings","people online","my parents","the guide","the salesman","our neighbours","the advert","half the internet"]
REAL="{Cb}"
# sym: label follows B. Fixed: (text, label)
T={
"near":["the {t} was not {A}","it is not {A}","not {A}","this {t} isn't {A} at all","never {A}","the {t} wasn't {A}","their {t} is never {A}","not at all {A}","it was by no means {A}","the {t} does not feel {A}","not a {A} {t}","it isn't a {A} {t}","not {A} in any way","that was not a {A} {t} at all","hardly a {A} {t}","the {t} did not seem {A} to me",
        "we did not find the {t} {A}","there was nothing {A} about the {t}","i don't think the {t} is {A}","they weren't {A}","nothing {A} here"],
"far":["i would not call the {t} {A}","nobody could say that the {t} was {A}","it is not true that the {t} is {A}","i do not think, given the price and the time we had, that it was {A}","i can't say that the {t} was {A}","not one part of it was {A}","at no point was the {t} {A}","i never once, in two weeks, found the {t} {A}","no one in our group thought that the {t} was {A}","i don't believe anybody would describe this {t} as {A}","not once during the whole stay was the {t} {A}","i wouldn't, even for a moment, have called it {A}","none of the people i know would say it is {A}","you will not find a {A} thing about this {t}","it's not, in spite of what you may have read, a {A} {t}","i have yet to see anything {A} in this {t}",
       "there was not a single moment when the {t} felt {A}","i don't see how anyone could think of this {t} as {A}","nothing that we saw or tried that day was {A}","neither the {t} nor the {t2} was {A}","in no sense of the word is this {t} {A}"],
"expect":["i expected the {t} to be {A}, but it turned out {B}","they said the {t} would be {A} and it was {B}","i thought it might be {A}; instead it was {B}","what i took for a {A} {t} is really {B}","i was sure i would get a {A} {t}. i was wrong","i thought it would be {A}, but it was not","i thought the {t} would be {A}, but it wasn't","at first the {t} looked {A}, yet in the end it was {B}","we had been told it was {A}. not so","everything pointed to a {A} {t}, but no","i had prepared myself for a {A} {t} and got a {B} one","it was supposed to be {A}. it was not","i assumed this {t} would be {A}. it is anything but","from the pictures i guessed the {t} was {A}; it is {B}","i went in thinking {A} and came out thinking {B}","it sounded {A} to me, but it really isn't",
          "i had imagined a {A} {t}, but what we got was {B}","the {t} promised to be {A} but was {B}","looks {A}, is {B}","you would think it is {A}, but it isn't","my first thought was {A}, my last one {B}"],
"expect+":["i feared the {t} would be {bad}, but it was {good}","i was afraid it would be {bad}. it was not","i worried about a {bad} {t}, but there was no reason to","i was ready to {bverb} this {t} but ended up loving it","i dreaded the {t}, and it was {good}","we were nervous after the {bad} pictures, but the {t} is {good}","i nearly cancelled because someone called it {bad}. so glad i did not","i did not expect much, but the {t} was {good}","low hopes, {good} {t}"],
"expect-":["i hoped for a {good} {t} and got a {bad} one","i had hoped the {t} would be {good}, but it was not","i wanted to love this {t}, but it is {bad}","i was looking forward to a {good} {t}. what a letdown","so much promise, such a {bad} {t}","i wish i could say it was {good}","we really wanted to like it, but the {t} was {bad}","high hopes, {bad} {t}","i wanted it to be {good}. it is not"],
"then":["it used to be {A}, now it is {B}","once {A}, these days the {t} is {B}","before the update it was {A} and now it is {B}","the {t} was {A} last year. not any more","it is no longer {A}","the old {t} was {A}, the new one is {B}","years ago this was a {A} {t}; today it is {B}","under the former owner the {t} was {A}, now {B}","my first visit was {A}, this one {B}","the {t} started out {A} and became {B}","for a month it was {A}, since then {B}","what was a {A} {t} has become a {B} one",
        "remember when the {t} was {A}? it is {B} now","in the past {A}, at present {B}","the {t} is {B} now, even if it was {A} at first"],
"qa":["was the {t} {A}? no","did i find it {A}? no","is it {A}? no way","was it {A}? not for me","is this a {A} {t}? not at all","was the {t} {B}? yes","did i find it {B}? absolutely","is it {B}? very much so","would i call the {t} {A}? never","{A}? not in the least","{A}? hardly","{B}? yes, very","is the {t} really as {A} as they say? no","was it {A}? not really. was it {B}? oh yes","so is it {A}? i don't think so","{A} {t}? nope",
      "was there anything {A} about it? nothing","could it be called {B}? certainly","do i think it is {A}? no, i do not"],
"qa+":["would i go again? yes","would i buy this {t} again? in a heartbeat","is it worth the money? every penny","any {prob}? none","do i regret it? not for a second","did i have {prob}? no","anything to complain about? no","is it worth it? yes","would i recommend the {t}? absolutely"],
"qa-":["would i go again? no","would i buy this {t} again? never","is it worth the money? no","was it good? no","did we enjoy it? no","is it worth it? not at all","would i recommend the {t}? no","do they care? no","does it work? no","did anyone help? nobody","any good? no"],
"others":["{who} called it {A}; in fact it is {B}","{who} said the {t} was {A}. i found it {B}","{who} loved it or so i hear; for me the {t} was {B}".replace("loved it or so i hear","said {A} things about it"),"they told me it would be {A}, which is wrong: {B} {t}","{who} thought it was {A}, but i disagree","{who} may call this {t} {A}. i don't","i don't understand why {who} found it {A}","i can't agree with those who say the {t} is {A}","contrary to what {who} said, the {t} is not {A}","whoever says that the {t} is {A} must be joking","according to {who} it is {A}. to me it is {B}","{who} found the {t} {A}; i thought it was {B}","do not listen to {who}: the {t} is not {A}",
          "{who} praised or blamed it as {A}, and i see it the other way: {B}","some say {A}, i say {B}","i know {who} said {A}, but for us the {t} was {B}"],
"others+":["my husband hates it, but i love this {t}","ignore the bad reviews, the {t} is {good}","i do not get the negative reviews at all","people complain about the {t}, but i have had no {prob}"],
"others-":["my wife loves it, but i can't stand this {t}","do not believe the good reviews, the {t} is {bad}","i do not understand the five stars","everyone raved about the {t}, and we left disappointed"],
"contrast":["{A} {t2}, but a {B} {t}","the {t2} was {A}, but overall it was {B}","although the {t2} is {A}, i find the {t} {B}","{A} at first sight, but in the end {B}","even though the {t2} was {A}, we thought it was {B}","yes, the {t2} is {A}. still, the {t} is {B}","despite the {A} {t2} it is a {B} {t}","{A} in places, but on the whole {B}","a bit {A}, but ultimately {B}","the {t} may be {A} on paper, but it is {B}","for all its {A} moments, the {t} is {B}","{B} {t}, even if the {t2} is a little {A}","{B} overall, despite a {A} {t2}","while the {t2} was {A}, everything else was {B}","{Ca}, but overall the {t} is {B}","although {Ca}, {Cb}","{Ca}. still, {Cb}",
            "{Ca}, and yet {Cb}","{A}, sure, but also {B}, and that is what counts","in spite of the {A} {t2}, a {B} {t}","{Cb}, even though {Ca}"],
"compare+":["i have never had a better {t}","{bad} compared with nothing else: this is the best {t} i have had".replace("{bad} compared with nothing else: ",""),"better than any other {t} i have tried","makes my old {t} look {bad}","much less {bad} than the last one","so much better than the {bad} {t} i had before","the other {t} was {bad}, this one is not","i have used many a {bad} {t}; this is not one of them","beats the {bad} one i had","twice as good as the expensive {t}","no other {t} comes close","not as {bad} as the old one","finally a {t} that is not {bad}"],
"compare-":["i have had a better {t} for half the price","the old {t} was {good}, this one is not","the cheaper {t} is better","nowhere near as {good} as the last one","not as {good} as it used to be","there are far better {t}s than this","a {bad} copy of a {good} {t}","my old {t} was much better","i have seen {good} {t}s, and this is not one","any other {t} would be better","less {good} than the one before","worse than the {bad} one i had","even my old {t} was better than this"],
"if+":["if all {t}s were this {good}, i would be happy","i would have left if the {t} had not been so {good}","i would buy it again if i ever needed another","if you want a {good} {t}, get this","had i known how {good} it is, i would have come sooner","i would have paid twice as much for a {t} this {good}","if it were {bad} i would say so, but it is not"],
"if-":["it would have been {good} if the {t} had worked","the {t} could have been {good}","if only the {t} were {good}","it would be a {good} {t} if it were not so {bad}","i would have given five stars if the {t} had been {good}","had the {t} been {good}, i would have stayed","could be {good} with a lot of work","should have been {good}","if you want a {good} {t}, look elsewhere","i would have loved it if it had been {good}","with a {good} {t} this might have been fun","if this is a {good} {t}, i am a fish"],
"shift+":["the {t} is free of {prob}","no {prob} so far","without any {prob}","hardly any {prob}","it is anything but {bad}","far from {bad}","the {t} never fails","never let me down","it lacks nothing","could not be better","not a {bad} bone in it","there is little to {bverb} about the {t}","nothing short of {good}","the {t} never gets {bad}","no {bad} surprises","it stopped being {bad}","i can't find anything {bad} in this {t}","gone are the {bad} days","zero {prob}","it fails to be {bad}"],
"shift-":["the {t} is far from {good}","anything but {good}","hardly {good}","it fails to be {good}","barely {good}","the {t} lacks everything that makes one {good}","too {bad} to be {good}","stopped being {good}","could not be worse","the {t} is no longer {good}","little about the {t} is {good}","there is nothing {good} about it","nothing short of {bad}","the {t} falls short of {good}","never {good}","it never gets {good}","it is full of {prob}","the {t} can't even be called {good}","neither {good} nor cheap","it failed to be {good}"],
"plain":["the {t} was {B}","this {t} is {B}","{B} {t}","i found the {t} {B}","it was {B} and {B}","a really {B} {t}","the {t} is {B} and so is the {t2}","very {B}","we thought it was {B}","such a {B} {t}"],
}
IDENT={
"nationality":"american british english scottish irish welsh french german italian spanish portuguese greek turkish polish russian ukrainian romanian hungarian dutch belgian swiss austrian swedish norwegian danish finnish indian pakistani bangladeshi chinese japanese korean vietnamese thai filipino indonesian malaysian australian canadian mexican brazilian argentinian colombian cuban peruvian nigerian kenyan ethiopian somali egyptian moroccan algerian iranian iraqi syrian afghan israeli saudi lebanese african asian european latino hispanic arab".split(),
"religion":"christian catholic protestant muslim jewish hindu buddhist sikh atheist mormon orthodox agnostic".split(),
"orientation":"gay lesbian straight bisexual homosexual heterosexual transgender queer".split(),
"colour":"black white brown".split(),
"gender":"man woman boy girl guy lady male female".split(),
"age":"old young elderly teenage middle-aged retired".split(),
"disability":"deaf blind disabled autistic".split(),
}
CARRIER=["the waiter is {}","my neighbour is {}","the author is {}","i am {}","the main character is {}","she is a {} poet","there was a {} couple at the next table","the driver was {}","the man next to us was {}","he is a {} doctor","our guide is {}","a {} family lives next door","the film is about a {} person","i spoke to a {} woman","the owner is {}","it is a story about a {} student"]
def clause(c): return c.rstrip(".!? ").lower()
def make(n, seed, part, clauses=None, only=None):
    """clauses: (negative texts, positive texts) real clauses. Gives texts, targets, phenomena."""
    rng=np.random.default_rng(seed); r=lambda xs: xs[int(rng.integers(len(xs)))]
    W=(BAD,GOOD); names=[k for k in T if only is None or k in only]
    split={k:[t for i,t in enumerate(T[k]) if (i%4==3)==(part=="dev")] for k in names}
    weight=np.array([1.0 if k[-1] in "+-" else 2.0 for k in names]); weight/=weight.sum()
    out=[]
    while len(out)<n:
        k=names[int(rng.choice(len(names),p=weight))]; s=r(split[k])
        p=1 if k[-1]=="+" else 0 if k[-1]=="-" else int(rng.random()<.5)
        if "{C" in s and clauses is None: continue
        v=dict(t=r(THING),t2=r(THING),A=r(W[1-p]),good=r(GOOD),bad=r(BAD),bverb=r(BVERB),prob=r(PROB),who=r(WHO))
        if clauses is not None: v|=dict(Ca=clause(r(clauses[1-p])),Cb=clause(r(clauses[p])))
        while "{B}" in s: s=s.replace("{B}",r(W[p]),1)
        x=s.format(**v)
        if part=="train":
            q=rng.random()
            if q<.5: x=x[0].upper()+x[1:]+("." if x[-1] not in ".!?" else "")
            if q>.9: x=x+"!"
            if rng.random()<.12 and clauses is not None: x=x+". "+r(clauses[p])   # real context of the same opinion
        out.append((x,.95*p+.025,k))
    return out
def neutral(n,seed):
    rng=np.random.default_rng(seed); r=lambda xs: xs[int(rng.integers(len(xs)))]
    return [(r(CARRIER).format(r(IDENT[r(list(IDENT))])),.5,"neutral") for _ in range(n)]
if __name__=="__main__":
    for x in make(60,1,"train"): print(x)
