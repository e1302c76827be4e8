import Foundation

/// Makes the token ids of texts for a twin, `NAME.ids.onnx`, by the content of `NAME.tokens.json`.
struct Tokens {
    let maxTokens: Int
    let labels: [String]
    let threshold: Float
    /// Probabilities in this range are neutral; nil if the model has none.
    let neutral: Range<Float>?

    private typealias Points = ArraySlice<UInt32>

    private let apostrophes: Set<UInt32>
    private let emoji: Set<UInt32>
    private let ends: Set<UInt32>
    private let entities: [[UInt32]: UInt32]
    private let longestEntity: Int
    private let hasTags: Bool
    private let endsAtNul: Bool
    // By code points: strings of Swift are equal with and without combining accents.
    private let idOf: [[UInt32]: Int32]

    private struct Table: Decodable {
        let max_tokens: Int, labels: [String], threshold: Double, neutral: [Double]?
        let ends_at_nul: Bool, has_tags: Bool
        let separators: String, apostrophes: String, emoji: String, entities: [String: String]
        let words: [String], spellings: [String], spelling_ids: [Int32]
    }

    init(json: Data) throws {
        let table = try JSONDecoder().decode(Table.self, from: json)
        maxTokens = table.max_tokens
        labels = table.labels
        threshold = Float(table.threshold)
        neutral = table.neutral.map { Float($0[0])..<Float($0[1]) }
        apostrophes = Set(points(table.apostrophes))
        emoji = Set(points(table.emoji))
        ends = Set(points(table.separators)).union(apostrophes).union(emoji)
        entities = Dictionary(
            uniqueKeysWithValues: table.entities.map { (points($0.key), points($0.value)[0]) })
        longestEntity = entities.keys.map(\.count).max() ?? 0
        hasTags = table.has_tags
        endsAtNul = table.ends_at_nul
        var ids: [[UInt32]: Int32] = [:]
        for (spelling, id) in zip(table.spellings, table.spelling_ids) { ids[points(spelling)] = id }
        for (place, word) in table.words.enumerated() { ids[points(word)] = firstWord + Int32(place) }
        idOf = ids
    }

    /// The start token and the ids of a text, the last `maxTokens` of them, without padding.
    func ids(of text: String) -> [Int32] {
        let text = readable(text)
        var ids = [start]
        var at = 0
        while at < text.count {
            var end = endOfWord(text, at)
            if end == at && emoji.contains(text[at]) { end = at + 1 }
            if end > at {
                ids.append(idOf[Array(text[at..<end])] ?? unknown)
                at = end
            } else {
                at += max(1, lengthOfTag(text, at), lengthOfEntity(text, at))
            }
        }
        return Array(ids.suffix(maxTokens))
    }

    /// Rows of one width for the input `token_ids`: the ids of some texts, with padding in front.
    func rows(of texts: [String]) -> [[Int32]] {
        let all = texts.map(ids(of:))
        let width = all.map(\.count).max() ?? 0
        return all.map { Array(repeating: 0, count: width - $0.count) + $0 }
    }

    /// The label of an answer; nil where the model knows no word of the text, which is no opinion.
    func label(probability: Float, knownTokens: Int32) -> String? {
        knownTokens == 0 ? nil : labels[probability >= threshold ? 1 : 0]
    }

    private func readable(_ text: String) -> Points {
        var found = points(text)
        if endsAtNul, let nul = found.firstIndex(of: 0) { found.removeSubrange(nul...) }
        return Points(found.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 })
    }

    private func endOfWord(_ text: Points, _ at: Int) -> Int {
        var end = endOfRun(text, at)
        while end > at {
            let mark = lengthOfApostrophe(text, end)
            let next = endOfRun(text, end + mark)
            if mark == 0 || next == end + mark { return end }
            end = next
        }
        return at
    }

    private func endOfRun(_ text: Points, _ at: Int) -> Int {
        var end = at
        while end < text.count && !ends.contains(text[end]) { end += 1 }
        return end
    }

    private func lengthOfApostrophe(_ text: Points, _ at: Int) -> Int {
        if at == text.count { return 0 }
        if apostrophes.contains(text[at]) { return 1 }
        let length = lengthOfEntity(text, at)
        guard let meaning = entities[Array(text[at..<at + length])] else { return 0 }
        return apostrophes.contains(meaning) ? length : 0
    }

    private func lengthOfEntity(_ text: Points, _ at: Int) -> Int {
        guard text[at] == code("&") else { return 0 }
        let last = min(text.count, at + longestEntity)
        guard let end = text[at..<last].firstIndex(of: code(";")) else { return 0 }
        return entities[Array(text[at...end])] == nil ? 0 : end + 1 - at
    }

    private func lengthOfTag(_ text: Points, _ at: Int) -> Int {
        guard hasTags && text[at] == code("<") else { return 0 }
        func point(_ place: Int) -> UInt32? { place < text.count ? text[place] : nil }
        var place = at + 1
        if point(place) == code("!") {
            place += 1
        } else {
            if point(place) == code("/") { place += 1 }
            let name = place
            while place - name < longestName, let each = point(place),
                (code("a")...code("z")).contains(each)
                    || (place > name && (code("0")...code("9")).contains(each))
            { place += 1 }
            if place == name { return 0 }
            if point(place) == code(">") { return place + 1 - at }
            guard let after = point(place), (0x09...0x0D).contains(after) || after == 0x20 || after == code("/")
            else { return 0 }
            place += 1
        }
        let inside = place
        while place - inside < longestInside, let each = point(place), (1...0x7F).contains(each),
            each != code("<"), each != code(">")
        { place += 1 }
        return point(place) == code(">") ? place + 1 - at : 0
    }
}

private let start: Int32 = 1
private let unknown: Int32 = 2
private let firstWord: Int32 = 4
private let longestName = 16
private let longestInside = 200

private func points(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }

private func code(_ character: Unicode.Scalar) -> UInt32 { character.value }
