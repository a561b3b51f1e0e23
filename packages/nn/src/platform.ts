/** What differs between Node and the browser: whether paths can be read. */
export interface FolderEntry {
  readonly name: string
  readonly kind: 'file' | 'folder'
}

/** Ranges of files beside a model: `ReadExternal` of the import. */
export interface ReadBeside {
  (location: string, range: { offset: number; length?: number }): Promise<Uint8Array>
  measure(location: string): Promise<{ readonly size: number; readonly onDisk: number; readonly id: string }>
}
