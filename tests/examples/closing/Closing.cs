using System;
using System.Linq;
using System.Threading;

/// <summary>Close a model, twice, while four threads score with it: Closing MODEL.</summary>
internal static class Closing
{
    private static void Main(string[] arguments)
    {
        var model = new Sentiment(arguments[0]);
        var texts = new[] { "A fine film.", null };
        var expected = model.Score(texts);
        Console.WriteLine(expected[1].Equals(model.Score(new[] { "" })[0]));
        Console.WriteLine(model.Score(new string[0]).Length);
        var begun = new CountdownEvent(4);
        var ends = new string[4];
        var threads = Enumerable.Range(0, 4).Select(i => new Thread(() =>
        {
            ends[i] = ScoreUntilClosed(model, texts, expected, begun);
        })).ToList();
        threads.ForEach(thread => thread.Start());
        begun.Wait(60000);
        model.Dispose();
        model.Dispose();
        threads.ForEach(thread => thread.Join());
        foreach (var end in ends) Console.WriteLine(end);
    }

    private static string ScoreUntilClosed(
        Sentiment model, string[] texts, Score[] expected, CountdownEvent begun)
    {
        try
        {
            for (var first = true; model.Score(texts).SequenceEqual(expected); first = false)
                if (first) begun.Signal();
            return "other scores";
        }
        catch (ObjectDisposedException error)
        {
            return error.GetType().Name;
        }
    }
}
