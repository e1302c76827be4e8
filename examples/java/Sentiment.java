import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** Scores texts with a model file, through examples/c. May be used by many threads. */
@SuppressWarnings("restricted") // calls C
public final class Sentiment implements AutoCloseable {
    private static final int ERROR_SIZE = 256;
    private static final int LABEL_AT = 12;
    private static final int RESULT_SIZE = LABEL_AT + 64;

    private static final MethodHandle OPEN, SCORE, CLOSE;

    static {
        System.loadLibrary("sentiment"); // in a folder of java.library.path
        var library = SymbolLookup.loaderLookup();
        var linker = Linker.nativeLinker();
        OPEN = linker.downcallHandle(library.find("sentiment_open").orElseThrow(),
            FunctionDescriptor.of(ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS));
        SCORE = linker.downcallHandle(library.find("sentiment_score").orElseThrow(),
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
        CLOSE = linker.downcallHandle(library.find("sentiment_close").orElseThrow(),
            FunctionDescriptor.ofVoid(ADDRESS));
    }

    /**
     * What the model says of a text.
     *
     * @param label "" if the model knows no word of the text: not an opinion
     * @param probability NaN if the label is ""
     * @param stars NaN if the label is "", or the model has no stars
     */
    public record Score(String label, float probability, float stars, int knownTokens) {}

    private final ReentrantReadWriteLock closing = new ReentrantReadWriteLock(); // read: scoring
    private MemorySegment model;

    private Sentiment(MemorySegment model) {
        this.model = model;
    }

    /** Reads a model file. */
    public static Sentiment open(String path) {
        try (var arena = Arena.ofConfined()) {
            return open(arena, arena.allocateFrom(path), MemorySegment.NULL);
        }
    }

    /** Takes the content of a model file, such as a resource of the application. */
    public static Sentiment open(byte[] content) {
        try (var arena = Arena.ofConfined()) {
            var bytes = arena.allocate(content.length);
            bytes.copyFrom(MemorySegment.ofArray(content));
            return open(arena, MemorySegment.NULL, bytes);
        }
    }

    private static Sentiment open(Arena arena, MemorySegment path, MemorySegment bytes) {
        var error = arena.allocate(ERROR_SIZE);
        var found = (MemorySegment) call(OPEN, path, bytes, bytes.byteSize(), error);
        if (found.equals(MemorySegment.NULL)) {
            throw new IllegalArgumentException(error.getString(0));
        }
        return new Sentiment(found);
    }

    /** Gives a score for each text. Half of a surrogate pair becomes U+FFFD; null counts as "". */
    public List<Score> score(List<String> texts) {
        var encoded = texts.stream().map(Sentiment::encode).toList();
        closing.readLock().lock();
        try (var arena = Arena.ofConfined()) {
            var lengths = arena.allocate(JAVA_LONG, texts.size());
            var joined = arena.allocate(encoded.stream().mapToLong(text -> text.length).sum());
            long end = 0;
            for (int i = 0; i < encoded.size(); i++) {
                byte[] text = encoded.get(i);
                lengths.setAtIndex(JAVA_LONG, i, text.length);
                MemorySegment.copy(text, 0, joined, JAVA_BYTE, end, text.length);
                end += text.length;
            }
            long count = texts.size();
            var results = arena.allocate(RESULT_SIZE * count, 4);
            var error = arena.allocate(ERROR_SIZE);
            if ((int) call(SCORE, model, joined, lengths, count, results, error) != 0) {
                throw new IllegalStateException(error.getString(0));
            }
            var scores = new ArrayList<Score>();
            for (long at = 0; at < results.byteSize(); at += RESULT_SIZE) {
                scores.add(new Score(results.getString(at + LABEL_AT), results.get(JAVA_FLOAT, at),
                    results.get(JAVA_FLOAT, at + 4), results.get(JAVA_INT, at + 8)));
            }
            return scores;
        } finally {
            closing.readLock().unlock();
        }
    }

    /** Frees the model, as soon as no thread is scoring. May be called again. */
    @Override
    public void close() {
        closing.writeLock().lock();
        try {
            call(CLOSE, model);
            model = MemorySegment.NULL;
        } finally {
            closing.writeLock().unlock();
        }
    }

    // String.getBytes would make a question mark of half a pair, which separates words.
    private static byte[] encode(String text) {
        var whole = text == null ? "" : text.replaceAll("\\p{Cs}", "\uFFFD");
        return whole.getBytes(StandardCharsets.UTF_8);
    }

    private static Object call(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (RuntimeException | Error problem) {
            throw problem;
        } catch (Throwable problem) {
            throw new IllegalStateException(problem);
        }
    }
}
