import { work } from './work.js'

Object.assign(globalThis, { work })
