import Foundation

// Reads a JSON array of texts from standard input; writes one of their token ids.
let tokens = try Tokens(json: Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[1])))
let given = FileHandle.standardInput.readDataToEndOfFile()
let ids = try JSONDecoder().decode([String].self, from: given).map(tokens.ids(of:))
print(String(decoding: try JSONEncoder().encode(ids), as: UTF8.self))
