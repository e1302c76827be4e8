using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;

/// <summary>Sentiment in a C# program: Embed MODEL [TEXT...]</summary>
/// <remarks>
/// Prints the label and the probability of each text, or of each line of standard input, and only
/// "unknown" where the model knows no word of the text, which then says nothing.
/// </remarks>
internal static class Embed
{
    private const int AtOnce = 32;

    private static int Main(string[] arguments)
    {
        if (arguments.Length == 0)
        {
            Console.Error.WriteLine("usage: Embed MODEL [TEXT...]");
            return 2;
        }
        try
        {
            using (var model = new Sentiment(arguments[0]))
            using (var stream = Console.OpenStandardOutput())
            using (var output = new StreamWriter(stream, new UTF8Encoding(false)))
            {
                output.NewLine = "\n";
                var texts = arguments.Length > 1 ? arguments.Skip(1) : Lines();
                foreach (var batch in Batches(texts)) Print(output, model, batch);
            }
            return 0;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine("Embed: " + error.Message);
            return 1;
        }
    }

    private static void Print(TextWriter output, Sentiment model, List<string> texts)
    {
        foreach (var score in model.Score(texts))
            if (score.Label == "")
                output.WriteLine("unknown");
            else
                output.WriteLine("{0} {1}", score.Label,
                    ((double)score.Probability).ToString("F7", CultureInfo.InvariantCulture));
    }

    private static IEnumerable<List<string>> Batches(IEnumerable<string> texts)
    {
        var batch = new List<string>();
        foreach (var text in texts)
        {
            batch.Add(text);
            if (batch.Count < AtOnce) continue;
            yield return batch;
            batch = new List<string>();
        }
        if (batch.Count > 0) yield return batch;
    }

    // ReadLine would also end a line at a carriage return, which reviews may hold.
    private static IEnumerable<string> Lines()
    {
        var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false), false);
        var line = new StringBuilder();
        var part = new char[1 << 16];
        for (int size; (size = input.Read(part, 0, part.Length)) > 0;)
        {
            var start = 0;
            int end;
            while ((end = Array.IndexOf(part, '\n', start, size - start)) >= 0)
            {
                yield return line.Append(part, start, end - start).ToString();
                line.Clear();
                start = end + 1;
            }
            line.Append(part, start, size - start);
        }
        if (line.Length > 0) yield return line.ToString();
    }
}
