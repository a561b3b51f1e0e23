/** What differs between Node and the browser: whether paths can be read. */
export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder'
}
