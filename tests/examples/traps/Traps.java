import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.List;

/**
 * What Java makes of texts: {@code Traps modified|repaired|MODEL < TEXTS}.
 *
 * <p>Each text of standard input is its length and its UTF-16 units, in the order of Java. With
 * "modified" or "repaired", prints what JNI would hand over, each with its length in bytes and a line
 * feed in front; with a model, the probabilities by the wrapper of examples/java.
 */
class Traps {
    public static void main(String[] arguments) throws IOException {
        var in = new DataInputStream(System.in);
        var texts = new String[in.readInt()];
        for (int i = 0; i < texts.length; i++) {
            var text = new char[in.readInt()];
            for (int j = 0; j < text.length; j++) {
                text[j] = in.readChar();
            }
            texts[i] = new String(text);
        }
        switch (arguments[0]) {
            case "modified" -> print(texts);
            case "repaired" -> {
                for (int i = 0; i < texts.length; i++) {
                    texts[i] = repaired(texts[i]);
                }
                print(texts);
            }
            default -> {
                try (var model = Sentiment.open(arguments[0])) {
                    for (var score : model.score(List.of(texts))) {
                        System.out.println(score.probability());
                    }
                }
            }
        }
    }

    private static String repaired(String text) {
        return text.replaceAll("[\\x{10000}-\\x{10FFFF}\\p{Cs}]", " \uFFFD ").split("\0", 2)[0];
    }

    private static void print(String[] texts) throws IOException {
        for (var text : texts) {
            var bytes = new ByteArrayOutputStream();
            new DataOutputStream(bytes).writeUTF(text); // modified UTF-8, as JNI's GetStringUTFChars
            System.out.write(((bytes.size() - 2) + "\n").getBytes());
            System.out.write(bytes.toByteArray(), 2, bytes.size() - 2);
        }
        System.out.flush();
    }
}
