"""Function words of English and of other languages, for `silent_words` and `other_language`.

Words of negation, such as no, not and never, are not among the English ones: they say something.
"""

from __future__ import annotations

FUNCTION_WORDS = (
    *("a", "an", "the", "this", "that", "these", "those", "and", "or", "if", "than", "as", "of"),
    *("at", "by", "for", "from", "in", "into", "on", "onto", "to", "with", "within", "about", "i"),
    *("me", "my", "we", "us", "our", "you", "your", "he", "him", "his", "she", "her", "it", "its"),
    *("they", "them", "their", "is", "are", "am", "was", "were", "be", "been", "being", "do"),
    *("does", "did", "has", "have", "had", "there", "here", "what", "which", "who"),
)

# Function words of other languages, that are not English words.
FOREIGN_WORDS = (
    # Spanish
    *("el", "la", "los", "las", "un", "una", "unos", "unas", "de", "del", "en", "que", "qué", "lo"),
    *("le", "les", "su", "mis", "tus", "está", "muy", "están", "fue", "ser", "estar", "más"),
    *("pero", "como", "nos", "sobre", "este", "esta", "esto", "estos", "estas", "esa", "eso"),
    *("todo", "toda", "todos", "también", "cuando", "porque", "donde", "desde", "hasta", "entre"),
    # French
    *("une", "des", "du", "ou", "où", "dans", "avec", "qui", "ne", "pas", "ces", "sont", "était"),
    *("être", "cet", "cette", "il", "elle", "ils", "elles", "je", "nous", "vous", "mes", "ses"),
    *("leur", "très", "mais", "tout", "tous", "trop", "c'est", "j'ai", "n'est", "d'un", "d'une"),
    *("qu'il",),
    # German
    *("der", "das", "ein", "eine", "einen", "einem", "einer", "eines", "und", "oder", "aber"),
    *("ist", "sind", "waren", "nicht", "kein", "keine", "zu", "zum", "zur", "von", "vom", "für"),
    *("auf", "aus", "bei", "nach", "auch", "sehr", "nur", "noch", "wie", "wenn", "dass", "ich"),
    *("sie", "wir", "ihr", "mich", "mir", "sich", "mein", "meine", "habe", "haben", "wird", "kann"),
    # Italian
    *("gli", "di", "dello", "dei", "degli", "delle", "dal", "dalla", "nel", "nella", "sul"),
    *("sulla", "tra", "fra", "che", "è", "sono", "hanno", "più", "molto", "anche", "questo"),
    *("questa", "quello", "quella", "tutto", "tutti", "alla", "alle"),
    # Portuguese
    *("uma", "pelo", "pela", "para", "não", "é", "são", "foi", "muito", "mas", "ele", "ela", "lhe"),
    *("meu", "minha", "seu", "sua", "isto", "isso", "nao", "ao"),
    # Dutch
    *("het", "een", "voor", "aan", "bij", "naar", "uit", "zijn", "niet", "geen", "ook", "maar"),
    *("deze", "ik", "jij", "hij", "zij", "wij", "mijn", "haar", "heel", "zeer", "wel", "nog"),
    *("wat",),
)
# May be a name, a letter or an abbreviation in an English text.
DOUBTFUL_WORDS = (
    *("o", "e", "y", "à", "non", "da", "erg", "er", "ya", "al", "na", "nas", "os", "ai", "com"),
    *("eu", "sus", "den", "mit", "es", "te", "se", "si", "et", "est", "ci", "ti", "vi", "mi"),
    *("nada", "uno", "dos", "ese", "tu", "han", "sa", "ce", "au"),
)
# English words, too, with another meaning or none: die, son, on, me, no.
SHARED_WORDS = (
    *("a", "i", "in", "me", "he", "no", "on", "die", "man", "son", "plus", "pour", "war", "was"),
    *("is", "of", "an", "am", "as", "do", "or", "we", "over", "door", "par", "ton", "ma", "hat"),
    *("come", "era", "per", "con", "hay", "sin", "um", "aux", "em", "so", "im", "has", "hem"),
    *("her", "dan", "dem", "dat", "ha", "ho", "van", "mine", "sans", "op", "met"),
)
