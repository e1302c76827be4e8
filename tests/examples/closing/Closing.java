import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** Closes a model, twice, while four threads score with it: {@code Closing MODEL}. */
class Closing {
    public static void main(String[] arguments) throws Exception {
        var model = Sentiment.open(arguments[0]);
        var texts = Arrays.asList("A fine film.", null);
        var expected = model.score(texts);
        System.out.println(expected.get(1).equals(model.score(List.of("")).get(0)));
        System.out.println(model.score(List.of()));
        var begun = new CountDownLatch(4);
        try (var threads = Executors.newFixedThreadPool(4)) {
            List<Future<String>> ends = IntStream.range(0, 4)
                .mapToObj(i -> threads.submit(() -> scoreUntilClosed(model, texts, expected, begun)))
                .toList();
            begun.await(60, TimeUnit.SECONDS);
            model.close();
            model.close();
            for (var end : ends) {
                System.out.println(end.get());
            }
        }
    }

    private static String scoreUntilClosed(Sentiment model, List<String> texts,
            List<Sentiment.Score> expected, CountDownLatch begun) {
        try {
            for (boolean first = true; model.score(texts).equals(expected); first = false) {
                if (first) {
                    begun.countDown();
                }
            }
            return "other scores";
        } catch (IllegalStateException error) {
            return error.getMessage();
        }
    }
}
