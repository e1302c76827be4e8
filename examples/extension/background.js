// Opens the page: empty by the button of the extension, with the selected text by the menu.

const open = (text) =>
  chrome.tabs.create({ url: `index.html#${new URLSearchParams(text ? { review: text } : {})}` });

chrome.runtime.onInstalled.addListener(() =>
  chrome.contextMenus.create({ id: "score", title: "Score the selected text", contexts: ["selection"] }),
);
chrome.contextMenus.onClicked.addListener(({ selectionText }) => open(selectionText));
chrome.action.onClicked.addListener(() => open(""));
