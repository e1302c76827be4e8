using System;
using System.Globalization;

/// <summary>Traps MODEL TEXT...: the probabilities of texts, each written as UTF-16 units in hex.</summary>
internal static class Traps
{
    private static void Main(string[] arguments)
    {
        using (var model = new Sentiment(arguments[0]))
        {
            var texts = new string[arguments.Length - 1];
            for (var i = 0; i < texts.Length; i++)
            {
                var units = new char[arguments[i + 1].Length / 4];
                for (var j = 0; j < units.Length; j++)
                    units[j] = (char)Convert.ToInt32(arguments[i + 1].Substring(4 * j, 4), 16);
                texts[i] = new string(units);
            }
            foreach (var score in model.Score(texts))
                Console.WriteLine(score.Probability.ToString("R", CultureInfo.InvariantCulture));
        }
    }
}
