/** Folders of images: DIR/train/CLASS/*.png|jpg|jpeg and DIR/val/CLASS/*. */
import { exists, listFolder, readFile } from '#platform'
import { InputError } from '../errors.js'
import { type Dataset, imageBytes } from './dataset.js'
import { readPicture, resize, toChannels } from './decode.js'

/** Classes in order, and the image files in record order. */
interface Listing {
  readonly classNames: string[]
  readonly files: { path: string; label: number }[]
}

/**
 * The class is the folder's name; names sort by code unit. Records take the classes in turn (first image of each class, second of each,
 * ...), so that the first N images of a folder, which is what `limit=N` keeps, hold all classes.
 */
async function listImages(folder: string): Promise<Listing> {
  const classNames = (await listFolder(folder))
    .filter(({ name, kind }) => kind === 'folder' && !name.startsWith('.'))
    .map(({ name }) => name)
  if (classNames.length === 0)
    throw new InputError('no class folder', { file: folder, expected: 'CLASS/*.png|jpg', found: 'no folder in it' })
  const perClass: string[][] = []
  for (const name of classNames) {
    const entries = await listFolder(`${folder}/${name}`)
    const paths = entries
      .filter((entry) => entry.kind === 'file' && /^[^.].*\.(png|jpe?g)$/i.test(entry.name))
      .map((entry) => `${folder}/${name}/${entry.name}`)
    if (paths.length === 0) {
      throw new InputError(`class '${name}' is empty`, {
        file: `${folder}/${name}`,
        expected: 'at least one .png, .jpg or .jpeg file',
        found: 'none',
      })
    }
    perClass.push(paths)
  }
  const longest = perClass.reduce((most, paths) => Math.max(most, paths.length), 0)
  const files: Listing['files'] = []
  for (let i = 0; i < longest; i++) {
    for (const [label, paths] of perClass.entries()) if (i < paths.length) files.push({ path: paths[i], label })
  }
  return { classNames, files }
}

/**
 * @param size [C, H, W] every image is brought to: resized bilinearly, grey repeated to RGB, RGB to luma. Without it, the size of the
 *   first training image counts, images of another size are resized, and a colour image among grey ones is an error.
 */
export async function readImagesPart(
  folder: string,
  part: 'train' | 'val',
  { size, limit, memoryLimit = 2 ** 32 }: { size?: readonly [number, number, number]; limit?: number; memoryLimit?: number },
): Promise<Dataset> {
  if (size && size[0] !== 1 && size[0] !== 3) {
    throw new InputError('images have 1 or 3 channels', { file: folder, field: 'size', expected: '1xHxW or 3xHxW', found: size.join('x') })
  }
  await listFolder(folder)
  const hasTrain = await exists(`${folder}/train`)
  const listing = await listImages(`${folder}/${part}`)
  // The training folder says what the classes are and how large an image is, also for `val`.
  const reference = part === 'val' && hasTrain ? await listImages(`${folder}/train`) : listing
  if (String(reference.classNames) !== String(listing.classNames)) {
    const missing = reference.classNames.find((name) => !listing.classNames.includes(name))
    const unknown = listing.classNames.find((name) => !reference.classNames.includes(name))
    const what = missing === undefined ? `class '${unknown}' is not in train` : `class '${missing}' is empty`
    throw new InputError(what, {
      file: `${folder}/val`,
      field: 'classes',
      expected: reference.classNames.join(', '),
      found: listing.classNames.join(', '),
    })
  }
  const shape = size ?? (await sizeOf(reference.files[0].path))
  const channels = shape[0] as 1 | 3
  const bytes = imageBytes({ shape })
  const files = listing.files.slice(0, limit)
  if (files.length * bytes > memoryLimit)
    throw new InputError('takes too much memory', {
      file: `${folder}/${part}`,
      field: 'images',
      expected: `at most ${memoryLimit} bytes (the option memoryLimit raises it; a network's size, or a limit, makes it less)`,
      found: `${files.length} images of ${shape.join(' x ')}, as ${reference.files[0].path}`,
    })
  const images = new Uint8Array(files.length * bytes)
  const labels = new Uint32Array(files.length)
  for (const [i, { path, label }] of files.entries()) {
    const picture = await readPicture(await readFile(path), path)
    if (!size && picture.channels > channels) {
      const expected = `grey, as ${reference.files[0].path}, or a size that says 3 channels`
      throw new InputError('a colour image among grey ones', { file: path, field: 'channels', expected, found: 'colour' })
    }
    images.set(resize(toChannels(picture, channels), shape[1], shape[2]).data, i * bytes)
    labels[i] = label
  }
  return { name: 'images', classes: listing.classNames.length, classNames: listing.classNames, shape, count: files.length, images, labels }
}

async function sizeOf(path: string): Promise<[number, number, number]> {
  const { channels, height, width } = await readPicture(await readFile(path), path)
  return [channels, height, width]
}
