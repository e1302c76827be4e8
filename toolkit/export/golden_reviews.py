"""Reviews written for the golden vectors: plain, mixed, short, long, with the marks of the web."""

from __future__ import annotations

REVIEWS = (
    "A fine film, superbly acted.",
    "Dull, and far too long.",
    "Wonderful! I laughed, I cried, and I stayed for the credits.",
    "Awful. I have seen better acting in a school play.",
    "Not bad at all.",
    "Not good at all.",
    "It was okay, I guess.",
    "The best two hours I have spent in a cinema this year.",
    "The worst two hours I have spent in a cinema this year.",
    "I wanted to love this film; instead I kept looking at my watch.",
    "I expected nothing and left with a smile on my face.",
    "Beautifully shot, badly written.",
    "Badly shot, beautifully written.",
    "The plot makes no sense, the jokes fall flat, and the ending is an insult.",
    "A gripping story, a brilliant cast, and a score that I cannot get out of my head.",
    "If you have nothing better to do on a rainy Sunday, it will pass the time.",
    "My children loved it. I did not hate it.",
    "Avoid this film like the plague!!!",
    "Go and see it NOW!!!",
    "10/10. Would watch again.",
    "1/10. Would not watch again if I were paid to.",
    "3 out of 5 stars: a good first half, a poor second one.",
    "I can't believe how bad this is. It isn't even funny.",
    "I couldn't believe how good this is. It's even funny!",
    "She doesn't act, she glows; he doesn't act, he shouts.",
    "The director's cut is 'better', they say. It's longer, that's all.",
    "rock'n'roll 'til you drop: a musical that's all heart",
    "A so-called comedy. So called by whom?",
    "Great special effects.<br /><br />Terrible everything else.",
    "<br />Loved it.<br />Loved it.<br />Loved it.<br />",
    '"Unforgettable", says the poster. I have forgotten it already.',
    "What a waste of a talented cast (and of my money).",
    "Slow? Yes. Boring? Never.",
    "Fast? Yes. Exciting? Never.",
    "It is a pleasant if forgettable picture with a lovely dog in it.",
    "THE ACTING IS WOODEN, THE SETS ARE CARDBOARD AND I LOVED EVERY MINUTE",
    "the acting is wooden the sets are cardboard and i hated every minute",
    "Meh...",
    "Masterpiece.",
    "Rubbish.",
    "See http://example.com/review?id=42&lang=en#top or write to someone@example.com.",
    "Budget: $1,000,000. Laughs: 0. Return on investment: -100%.",
    "Part 2 (1998) was better than part 1 (1995), and part 3 should not exist.",
    "Sublime photography; the café scene, with its naïve façade of happiness, is a chef-d'œuvre.",
    "Ein großartiger Film, aber auf Deutsch.",
    "Un film magnifique, mais en français, où l'on pleure à la fin.",
    "Una película aburrida, ¡y encima larguísima!",
    "It's a *must see*, _really_ \u2014 don't miss it\u2026 or do \u2013 your choice.",
    "\u201cFunny,\u201d she said, \u201cbut it\u2019s no classic.\u201d",
    "I saw it twice: once at the festival, where people walked out, and once at home, where I "
    "nearly did. The story of the lighthouse keeper and his daughter ought to be moving, but every "
    "scene is explained, then shown, then explained again. A pity, because the sea looks splendid.",
    "What a surprise! I went in without having read a word about it, and for the first ten minutes "
    "I was sure I had made a mistake. Then the old man begins to tell his story, the camera stays "
    "on his face, and suddenly nothing else matters. The performances are perfect, the dialogue is "
    "sharp, and the final scene is one of the most beautiful that I have seen in years. Do not let "
    "the slow start fool you: this is a wonderful film, and I recommend it to everyone.",
    "I really tried. The first film of the series was a charming little thriller, and the second "
    "was at least fun; this one is a lazy, ugly, cynical mess. There is no tension, because we "
    "know from the first minute who did it. There are no characters, only costumes. The dialogue "
    "sounds as if it had been translated twice, the lead actress is clearly bored, and the less "
    "said about the computer-generated wolf the better. By the time the credits rolled, half of "
    "the audience had left, and the other half was asleep. Save your money.",
    "On the one hand, the film has a great deal to say about work, money and friendship, and it "
    "says some of it well. On the other hand, it says all of it three times. The young cast is "
    "excellent, the songs are terrible, the photography is pretty, and the script needed another "
    "year. I would not tell anybody to stay away, nor would I tell anybody to go.",
)
