import java.util.BitSet
import org.json.JSONArray
import org.json.JSONObject

/** Makes the token ids of texts for a twin, `NAME.ids.onnx`; [json] is the content of `NAME.tokens.json`. */
class Tokens(json: String) {
    private val table = JSONObject(json)
    private val separators = codePoints(table.getString("separators"))
    private val apostrophes = codePoints(table.getString("apostrophes"))
    private val emoji = codePoints(table.getString("emoji"))
    private val ends = listOf(separators, apostrophes, emoji).fold(BitSet()) { all, each -> all.apply { or(each) } }
    private val entities = table.getJSONObject("entities").let { all ->
        all.keys().asSequence().associateWith { all.getString(it).codePointAt(0) }
    }
    private val longestEntity = entities.keys.maxOfOrNull { it.length } ?: 0
    private val hasTags = table.getBoolean("has_tags")
    private val endsAtNul = table.getBoolean("ends_at_nul")
    private val idOf = HashMap<String, Int>()

    val maxTokens = table.getInt("max_tokens")
    val labels = strings(table.getJSONArray("labels"))
    val threshold = table.getDouble("threshold").toFloat()

    /** Probabilities in this range are neutral; null if the model has none. */
    val neutral = table.optJSONArray("neutral")?.let { it.getDouble(0).toFloat()..<it.getDouble(1).toFloat() }

    init {
        val ids = table.getJSONArray("spelling_ids")
        strings(table.getJSONArray("spellings")).forEachIndexed { i, word -> idOf[word] = ids.getInt(i) }
        strings(table.getJSONArray("words")).forEachIndexed { i, word -> idOf[word] = i + FIRST_WORD }
    }

    /** The start token and the ids of a text, the last [maxTokens] of them, without padding. */
    fun ids(text: String): IntArray {
        val points = readable(text)
        val ids = ArrayList<Int>().apply { add(START) }
        var at = 0
        while (at < points.size) {
            var end = endOfWord(points, at)
            if (end == at && emoji[points[at]]) end = at + 1
            if (end > at) {
                ids.add(idOf[String(points, at, end - at)] ?: UNKNOWN)
                at = end
            } else {
                at += maxOf(1, lengthOfTag(points, at), lengthOfEntity(points, at))
            }
        }
        return ids.takeLast(maxTokens).toIntArray()
    }

    /** Rows of one width for the input `token_ids`: the ids of some texts, with padding in front. */
    fun rows(texts: List<String>): Array<IntArray> {
        val all = texts.map { ids(it) }
        val width = all.maxOfOrNull { it.size } ?: 0
        return Array(all.size) { IntArray(width - all[it].size) + all[it] }
    }

    /** The label of an answer; null where the model knows no word of the text, which is no opinion. */
    fun label(probability: Float, knownTokens: Int): String? =
        if (knownTokens == 0) null else labels[if (probability >= threshold) 1 else 0]

    private fun readable(text: String): IntArray {
        val points = text.codePoints().toArray()
        val end = points.indexOf(0)
        val kept = if (endsAtNul && end >= 0) points.copyOf(end) else points
        for (i in kept.indices) {
            if (kept[i] in 'A'.code..'Z'.code) kept[i] += 'a' - 'A'
            if (kept[i] in 0xD800..0xDFFF) kept[i] = 0xFFFD // half of a surrogate pair
        }
        return kept
    }

    private fun endOfWord(points: IntArray, at: Int): Int {
        var end = endOfRun(points, at)
        while (end > at) {
            val mark = lengthOfApostrophe(points, end)
            val next = endOfRun(points, end + mark)
            if (mark == 0 || next == end + mark) return end
            end = next
        }
        return at
    }

    private fun endOfRun(points: IntArray, at: Int): Int {
        var end = at
        while (end < points.size && !ends[points[end]]) end++
        return end
    }

    private fun lengthOfApostrophe(points: IntArray, at: Int): Int {
        if (at == points.size) return 0
        if (apostrophes[points[at]]) return 1
        val length = lengthOfEntity(points, at)
        val isOne = length > 0 && apostrophes[entities.getValue(String(points, at, length))]
        return if (isOne) length else 0
    }

    private fun lengthOfEntity(points: IntArray, at: Int): Int {
        if (points[at] != '&'.code) return 0
        for (end in at + 1 until minOf(points.size, at + longestEntity)) {
            if (points[end] != ';'.code) continue
            val length = end + 1 - at
            return if (String(points, at, length) in entities) length else 0
        }
        return 0
    }

    private fun lengthOfTag(points: IntArray, at: Int): Int {
        if (!hasTags || points[at] != '<'.code) return 0
        fun character(place: Int) = if (place < points.size) points[place] else -1
        var place = at + 1
        if (character(place) == '!'.code) {
            place++
        } else {
            if (character(place) == '/'.code) place++
            val name = place
            fun isOfName(point: Int) = point in 'a'.code..'z'.code || (place > name && point in '0'.code..'9'.code)
            while (place - name < LONGEST_NAME && isOfName(character(place))) place++
            if (place == name) return 0
            if (character(place) == '>'.code) return place + 1 - at
            val after = character(place)
            if (after !in 0x09..0x0D && after != ' '.code && after != '/'.code) return 0
            place++
        }
        val inside = place
        fun isInside(point: Int) = point in 1..0x7F && point != '<'.code && point != '>'.code
        while (place - inside < LONGEST_INSIDE && isInside(character(place))) place++
        return if (character(place) == '>'.code) place + 1 - at else 0
    }

    private companion object {
        const val START = 1
        const val UNKNOWN = 2
        const val FIRST_WORD = 4
        const val LONGEST_NAME = 16
        const val LONGEST_INSIDE = 200

        fun codePoints(text: String) = BitSet().apply { text.codePoints().forEach { set(it) } }

        fun strings(array: JSONArray) = List(array.length()) { array.getString(it) }
    }
}
