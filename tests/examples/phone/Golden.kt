import java.io.File
import org.json.JSONArray

/** Reads a JSON array of texts from standard input; writes one of their token ids. */
fun main(arguments: Array<String>) {
    val tokens = Tokens(File(arguments[0]).readText())
    val texts = JSONArray(System.`in`.readBytes().decodeToString())
    val ids = List(texts.length()) { JSONArray(tokens.ids(texts.getString(it)).toList()) }
    println(JSONArray(ids))
}
