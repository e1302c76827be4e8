using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

/// <summary>What the model says of a text.</summary>
public struct Score
{
    public string Label; // "" if the model knows no word of the text: not an opinion
    public float Probability; // NaN if Label is ""
    public float Stars; // NaN if Label is "", or the model has no stars
    public int KnownTokens;
}

/// <summary>Scores texts with a model file, through examples/c, in any number of threads.</summary>
public sealed class Sentiment : IDisposable
{
    private readonly Handle model;

    /// <summary>Read a model file.</summary>
    public Sentiment(string path) : this(Encoding.UTF8.GetBytes(path + "\0"), new byte[0]) { }

    /// <summary>Take the content of a model file, such as a resource of the application.</summary>
    public Sentiment(byte[] content) : this(null, content) { }

    private Sentiment(byte[] path, byte[] content)
    {
        var error = new byte[ErrorSize];
        model = sentiment_open(path, content, (UIntPtr)(uint)content.Length, error);
        if (model.IsInvalid) throw new IOException(Text(error));
    }

    /// <summary>
    /// Give a score for each text. Half of a surrogate pair becomes U+FFFD; null counts as "".
    /// </summary>
    public Score[] Score(IReadOnlyList<string> texts)
    {
        var joined = new MemoryStream();
        var lengths = new UIntPtr[texts.Count];
        for (var i = 0; i < texts.Count; i++)
        {
            var text = Encoding.UTF8.GetBytes(texts[i] ?? "");
            joined.Write(text, 0, text.Length);
            lengths[i] = (UIntPtr)(uint)text.Length;
        }
        var results = new Result[texts.Count];
        var error = new byte[ErrorSize];
        var count = (UIntPtr)(uint)texts.Count;
        if (sentiment_score(model, joined.ToArray(), lengths, count, results, error) != 0)
            throw new ArgumentException(Text(error));
        return Array.ConvertAll(results, found => new Score
        {
            Label = Text(found.Label),
            Probability = found.Probability,
            Stars = found.Stars,
            KnownTokens = found.KnownTokens,
        });
    }

    /// <summary>Free the model, as soon as no thread is scoring.</summary>
    public void Dispose() { model.Dispose(); }

    private const int ErrorSize = 256;

    private static string Text(byte[] array)
    {
        return Encoding.UTF8.GetString(array, 0, Array.IndexOf(array, (byte)0));
    }

    private sealed class Handle : SafeHandle
    {
        public Handle() : base(IntPtr.Zero, true) { }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        protected override bool ReleaseHandle()
        {
            sentiment_close(handle);
            return true;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Result
    {
        public float Probability, Stars;
        public int KnownTokens;
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 64)] public byte[] Label;
    }

    [DllImport("sentiment", CallingConvention = CallingConvention.Cdecl)]
    private static extern Handle sentiment_open(
        byte[] path, byte[] bytes, UIntPtr size, [In, Out] byte[] error);

    [DllImport("sentiment", CallingConvention = CallingConvention.Cdecl)]
    private static extern int sentiment_score(
        Handle model, byte[] texts, UIntPtr[] lengths, UIntPtr count, [In, Out] Result[] results,
        [In, Out] byte[] error);

    [DllImport("sentiment", CallingConvention = CallingConvention.Cdecl)]
    private static extern void sentiment_close(IntPtr model);
}
