import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Sentiment in a Java program: {@code java Embed.java MODEL [TEXT...]}.
 *
 * <p>Prints the label and the probability of each text, or of each line of standard input, and
 * only "unknown" where the model knows no word of the text, which then says nothing.
 */
class Embed {
    private static final int AT_ONCE = 32;

    public static void main(String[] arguments) {
        if (arguments.length == 0) {
            System.err.println("usage: java Embed.java MODEL [TEXT...]");
            System.exit(2);
        }
        // System.out would hide that the disk is full.
        try (var out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out));
                var model = Sentiment.open(arguments[0])) {
            if (arguments.length > 1) {
                print(out, model, Arrays.asList(arguments).subList(1, arguments.length));
            } else {
                printLines(out, model);
            }
        } catch (IOException | RuntimeException error) {
            System.err.println("Embed: " + error.getMessage());
            System.exit(1);
        }
    }

    private static void print(OutputStream out, Sentiment model, List<String> texts)
            throws IOException {
        for (var score : model.score(texts)) {
            var line = score.label().isEmpty()
                ? "unknown\n"
                : String.format(Locale.ROOT, "%s %.7f\n", score.label(), score.probability());
            out.write(line.getBytes(StandardCharsets.UTF_8));
        }
    }

    // BufferedReader.readLine would also end a line at a carriage return, which reviews may hold.
    private static void printLines(OutputStream out, Sentiment model) throws IOException {
        var bytes = new FileInputStream(FileDescriptor.in);
        var in = new InputStreamReader(bytes, StandardCharsets.UTF_8);
        var texts = new ArrayList<String>();
        var line = new StringBuilder();
        var part = new char[1 << 16];
        for (int size; (size = in.read(part)) >= 0; ) {
            for (int i = 0; i < size; i++) {
                if (part[i] != '\n') {
                    line.append(part[i]);
                    continue;
                }
                texts.add(line.toString());
                line.setLength(0);
                if (texts.size() == AT_ONCE) {
                    print(out, model, texts);
                    texts.clear();
                }
            }
        }
        if (!line.isEmpty()) {
            texts.add(line.toString());
        }
        print(out, model, texts);
    }
}
