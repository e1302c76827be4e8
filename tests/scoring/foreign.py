"""Short reviews in other languages, and columns that hold no reviews, all written for the tests."""

# ruff: noqa: RUF001 (letters that look like Latin ones)

from __future__ import annotations

FOREIGN = {
    "Spanish": """\
El hotel estaba muy limpio y el personal fue amable.
Una película aburrida, no la recomiendo a nadie.
Llegó tarde y la caja estaba rota.
Me encantó el sabor, volveré a comprarlo.
La batería dura poco y se calienta mucho.
Excelente servicio, todo perfecto.
No funciona, quiero que me devuelvan el dinero.
Muy buena calidad por este precio.
La comida estaba fría y los camareros no hacían caso.
El libro me gustó mucho, se lee en una tarde.
Pésima atención al cliente.
Mi hija está feliz con su regalo.
El sonido es malo y los cables son cortos.
Las habitaciones son pequeñas pero cómodas.
La historia no tiene sentido y los actores son flojos.
Cumple con lo que promete.
Demasiado caro para lo que es.
Se rompió a los dos días.
Lo uso todos los días y estoy contento.
El color no es como en la foto.
""",
    "German": """\
Das Hotel war sehr sauber und das Personal freundlich.
Ein langweiliger Film, den ich niemandem empfehlen kann.
Kam zu spät an und der Karton war kaputt.
Der Geschmack ist wunderbar, ich bestelle wieder.
Der Akku hält nicht lange und wird heiß.
Sehr guter Service, alles bestens.
Funktioniert nicht, ich will mein Geld zurück.
Gute Qualität für diesen Preis.
Das Essen war kalt und die Bedienung unfreundlich.
Das Buch hat mir gut gefallen.
Schlechter Kundendienst, nie wieder.
Meine Tochter freut sich über ihr Geschenk.
Der Ton ist schlecht und das Kabel zu kurz.
Die Zimmer sind klein, aber gemütlich.
Die Handlung ergibt keinen Sinn.
Hält, was es verspricht.
Viel zu teuer für das, was man bekommt.
Nach zwei Tagen war es kaputt.
Ich benutze es jeden Tag und bin zufrieden.
Die Farbe ist anders als auf dem Bild.
""",
    "French": """\
L'hôtel était très propre et le personnel aimable.
Un film ennuyeux, je ne le conseille à personne.
Arrivé en retard et la boîte était cassée.
J'adore le goût, j'en achèterai encore.
La batterie ne tient pas et chauffe beaucoup.
Excellent service, tout était parfait.
Ne marche pas, je veux être remboursé.
Très bonne qualité pour ce prix.
Le repas était froid et les serveurs désagréables.
Le livre m'a beaucoup plu.
Service client lamentable, plus jamais.
Ma fille est contente de son cadeau.
Le son est mauvais et le câble trop court.
Les chambres sont petites mais confortables.
L'histoire n'a aucun sens et les acteurs jouent mal.
Conforme à la description.
Beaucoup trop cher pour ce que c'est.
Il s'est cassé au bout de deux jours.
Je m'en sert tous les jours et je suis content.
La couleur n'est pas celle de la photo.
""",
    "Italian": """\
L'albergo era molto pulito e il personale gentile.
Un film noioso, non lo consiglio a nessuno.
Arrivato in ritardo e la scatola era rotta.
Adoro il sapore, lo comprerò di nuovo.
La batteria dura poco e si scalda molto.
Ottimo servizio, tutto perfetto.
Non funziona, voglio indietro i miei soldi.
Buona qualità per questo prezzo.
Il cibo era freddo e i camerieri scortesi.
Il libro mi è piaciuto molto.
Pessima assistenza, mai più.
Mia figlia è felice del suo regalo.
Il suono è brutto e il cavo è corto.
Le camere sono piccole ma comode.
La storia non ha senso e gli attori sono scarsi.
Fa quello che promette.
Troppo caro per quello che è.
Si è rotto dopo due giorni.
Lo uso ogni giorno e sono contento.
Il colore non è quello della foto.
""",
    "Portuguese": """\
O hotel estava muito limpo e os funcionários foram simpáticos.
Um filme chato, não recomendo a ninguém.
Chegou atrasado e a caixa estava quebrada.
Adorei o sabor, vou comprar de novo.
A bateria dura pouco e esquenta muito.
Ótimo atendimento, tudo perfeito.
Não funciona, quero meu dinheiro de volta.
Boa qualidade por este preço.
A comida estava fria e os garçons mal-educados.
Gostei muito do livro.
Péssimo serviço, nunca mais.
Minha filha ficou feliz com o presente.
O som é ruim e o cabo é curto.
Os quartos são pequenos mas confortáveis.
A história não faz sentido.
Cumpre o que promete.
Caro demais pelo que é.
Quebrou depois de dois dias.
Uso todos os dias e estou satisfeito.
A cor não é igual à da foto.
""",
    "Dutch": """\
Het hotel was erg schoon en het personeel vriendelijk.
Een saaie film, ik raad hem niemand aan.
Kwam te laat aan en de doos was stuk.
Heerlijke smaak, ik bestel het zeker weer.
De batterij gaat niet lang mee en wordt heet.
Uitstekende service, alles in orde.
Werkt niet, ik wil mijn geld terug.
Goede kwaliteit voor deze prijs.
Het eten was koud en de bediening onaardig.
Ik heb genoten van dit boek.
Slechte klantenservice, nooit meer.
Mijn dochter is blij met haar cadeau.
Het geluid is slecht en de kabel te kort.
De kamers zijn klein maar gezellig.
Het verhaal slaat nergens op.
Doet wat het belooft.
Veel te duur voor wat je krijgt.
Na twee dagen was het kapot.
Ik gebruik het elke dag en ben tevreden.
De kleur is anders dan op de foto.
""",
    "Swedish": """\
Hotellet var mycket rent och personalen vänlig.
En tråkig film som jag inte kan rekommendera.
Kom för sent och kartongen var trasig.
Underbar smak, jag köper den igen.
Batteriet håller inte länge och blir varmt.
Fungerar inte, jag vill ha pengarna tillbaka.
Bra kvalitet för priset.
Maten var kall och servicen dålig.
Boken var mycket bra.
Alldeles för dyrt för vad man får.
""",
    "Polish": """\
Hotel był bardzo czysty, a obsługa miła.
Nudny film, nikomu go nie polecam.
Przyszło za późno i pudełko było uszkodzone.
Świetny smak, na pewno kupię znowu.
Bateria szybko się rozładowuje.
Nie działa, chcę zwrotu pieniędzy.
Dobra jakość w tej cenie.
Jedzenie było zimne, a kelnerzy niemili.
Książka bardzo mi się podobała.
Za drogo jak na to, co dostajemy.
""",
    "Turkish": """\
Otel çok temizdi ve personel güler yüzlüydü.
Sıkıcı bir film, kimseye tavsiye etmem.
Geç geldi ve kutu kırıktı.
Tadı çok güzel, yine alacağım.
Pil çok çabuk bitiyor.
Çalışmıyor, paramı geri istiyorum.
Bu fiyata göre iyi kalite.
Yemekler soğuktu.
Kitabı çok sevdim.
İki gün sonra bozuldu.
""",
    "Indonesian": """\
Hotelnya sangat bersih dan pelayannya ramah.
Film yang membosankan, saya tidak menyarankan.
Datang terlambat dan kotaknya rusak.
Rasanya enak, saya akan beli lagi.
Baterai cepat habis dan panas.
Tidak berfungsi, saya minta uang kembali.
Kualitas bagus dengan harga ini.
Makanannya dingin dan pelayanannya buruk.
Bukunya bagus sekali.
Terlalu mahal.
""",
    "Hinglish": """\
Bahut accha hotel hai aur staff bhi acche hain.
Film bilkul bekar hai, paisa waste.
Ye app kaam nahi kar raha hai.
Battery jaldi khatam ho jati hai.
Mujhe bahut pasand aaya.
Khana thanda tha aur service kharab.
Ekdum mast product hai bhai.
Paise wapas karo.
Do din me hi kharab ho gaya.
Awaaz acchi nahi hai.
""",
    "Russian": """\
Отель был очень чистым, персонал вежливый.
Скучный фильм, никому не советую.
Пришло поздно, коробка сломана.
Прекрасный вкус, куплю ещё.
Батарея быстро садится.
Не работает, верните деньги.
""",
    "Greek": """\
Το ξενοδοχείο ήταν πολύ καθαρό.
Βαρετή ταινία, δεν τη συστήνω.
Δεν λειτουργεί, θέλω τα χρήματά μου πίσω.
""",
    "Hebrew": """\
המלון היה נקי מאוד והצוות אדיב.
סרט משעמם, לא ממליץ לאף אחד.
לא עובד, אני רוצה את הכסף בחזרה.
""",
    "Arabic": """\
كان الفندق نظيفا جدا والموظفون لطفاء.
فيلم ممل، لا أنصح به أحدا.
لا يعمل، أريد استعادة نقودي.
""",
    "Chinese": """\
酒店很干净，服务员很友好。
电影很无聊，不推荐。
用了两天就坏了，要求退款。
""",
    "Japanese": """\
ホテルはとてもきれいで、スタッフも親切でした。
退屈な映画で、誰にも勧めません。
二日で壊れました。返金してください。
""",
    "Korean": """\
호텔이 아주 깨끗하고 직원들이 친절했습니다.
지루한 영화라서 추천하지 않습니다.
이틀 만에 고장 났어요.
""",
    "Hindi": """\
होटल बहुत साफ था और कर्मचारी अच्छे थे।
फिल्म बहुत उबाऊ है।
दो दिन में खराब हो गया।
""",
}

WRONG_COLUMNS = {
    "numbers": "1 5 4.0 12,345 3 2 10 7.5 100 0",
    "dates": "2023-01-04 01/02/2019 1999-12-31T23:59:59Z 2020 05.06.2021 2022-02-02",
    "ids": "B000123XYZ AF3G9ZK2 R1A2B3C4D5 user_18273 tt0111161 0xdeadbeef B00004CXX9",
    "emoji": "😀😀😀 ❤️❤️ 🔥🔥🔥🔥 🦔",  # some single ones are words that models know
}


def lines_of(language: str) -> list[str]:
    """The reviews in a language."""
    return FOREIGN[language].splitlines()
