/**
 * What differs between Node and the browser: files, and what a user's own budget runs in. Paths are the platform's; a browser keeps files in memory, as long as the page
 * lives.
 */
export type Kind = 'file' | 'folder'
